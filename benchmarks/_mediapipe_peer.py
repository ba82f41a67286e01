"""MediaPipe in a process of its own: runs in a virtual environment with mediapipe, driven by vs_mediapipe.py.

Reads lines of JSON on standard input: {"frames": [indices], "t_ms": first time stamp}; answers with the nanoseconds of
each detect_for_video call and the coefficients of the first face.
"""

import json
import sys
import time

import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision


def main() -> None:
    task, stack = sys.argv[1], np.load(sys.argv[2])
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=task),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    images = [mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(frame)) for frame in stack]
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        print("ready", flush=True)
        for line in sys.stdin:
            job = json.loads(line)
            spent, scores = [], []
            for k, index in enumerate(job["frames"]):
                start = time.perf_counter_ns()
                result = landmarker.detect_for_video(images[index], job["t_ms"] + 33 * k)
                spent.append(time.perf_counter_ns() - start)
                faces = result.face_blendshapes
                scores.append([c.score for c in faces[0]] if faces else None)
            print(json.dumps({"ns": spent, "scores": scores}), flush=True)


main()
