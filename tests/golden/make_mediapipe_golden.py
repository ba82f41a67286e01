"""Record what MediaPipe 1.2.2's Face Landmarker answers, as golden numbers for the tests.

Needs ``mediapipe==1.2.2`` and ``opencv-python-headless``; the tests only read the result. Usage:

    python make_mediapipe_golden.py --task face_landmarker.task --shared DATA_DIR -o mediapipe_1_2_2.npz

The output holds two tables, plain arrays without pickles.

Frames, one row each (length N):
    mode          "image" (independent frames, up to 4 faces) or "video" (tracked and smoothed, 1 face)
    source        path of the picture or clip below DATA_DIR
    index         frame number in the clip, 0 for a picture
    timestamp_ms  timestamp given in video mode, -1 in image mode
    sha           first 16 hex digits of the SHA-256 of the RGB bytes (height x width x 3, row by row)
    size          width, height
    faces         number of faces
    first         row of the frame's first face in the face tables

Faces (length F, the frames' faces one after another, in the order in which they were reported):
    landmarks     F x 478 x 3 float32: x / width, y / height, z / width, not quantised
    scores        F x 52 float32, named by ``score_names``
    matrix        F x 4 x 4 float32, canonical face (cm) to camera, translation in the last column

A video run sees every frame of its clip; only every fifth answer is kept. ``versions`` names the packages used.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

PICTURES = ("faces_public_domain/astronaut_nasa.png", "mediapipe/sergey.png")
VIDEO_CLIPS = tuple(f"faces_intel_ccby/head-pose-face-detection-{who}.gif" for who in ("female", "male"))
CLIPS = (*VIDEO_CLIPS, "faces_intel_ccby/face-demographics-walking-and-pause.gif")
EVERY = 5
FRAME_MS, IMAGE_FACES = 80, 4


class Table:
    """Collects the rows and turns them into the arrays of the output file."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.landmarks: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []
        self.matrices: list[np.ndarray] = []
        self.names: list[str] = []

    def add(self, mode: str, source: str, index: int, stamp: int, rgb: np.ndarray, result: Any) -> None:
        """Append one frame and its faces."""
        sha = hashlib.sha256(rgb.tobytes()).hexdigest()[:16]
        row = {"mode": mode, "source": source, "index": index, "timestamp_ms": stamp, "sha": sha}
        size = (rgb.shape[1], rgb.shape[0])
        self.frames.append({**row, "size": size, "faces": len(result.face_landmarks), "first": len(self.landmarks)})
        parts = (result.face_landmarks, result.face_blendshapes, result.facial_transformation_matrixes)
        for points, shapes, matrix in zip(*parts, strict=True):
            names = [shape.category_name for shape in shapes]
            if self.names and names != self.names:
                raise ValueError("the score names changed between two faces")
            self.names = names
            self.landmarks.append(np.array([(p.x, p.y, p.z) for p in points], np.float32))
            self.scores.append(np.array([shape.score for shape in shapes], np.float32))
            self.matrices.append(np.asarray(matrix, np.float32))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything under the names described at the top of this file."""
        out = {key: np.array([frame[key] for frame in self.frames]) for key in self.frames[0]}
        out["landmarks"] = np.stack(self.landmarks)
        out["scores"] = np.stack(self.scores)
        out["matrix"] = np.stack(self.matrices)
        out["score_names"] = np.array(self.names)
        out["versions"] = np.array([f"mediapipe {mp.__version__}", f"opencv {cv2.__version__}"])
        return out


def read_picture(path: Path) -> np.ndarray:
    """Read a picture as RGB bytes."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(path)
    return np.ascontiguousarray(bgr[..., ::-1])


def read_clip(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames of a clip in order, as RGB bytes."""
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise FileNotFoundError(path)
    while (frame := capture.read())[0]:
        bgr = frame[1]
        yield np.ascontiguousarray(bgr[..., ::-1])


def landmarker(task: Path, faces: int, mode: vision.RunningMode) -> vision.FaceLandmarker:
    """Open the Face Landmarker with default confidences and all its outputs."""
    options = vision.FaceLandmarkerOptions(BaseOptions(model_asset_path=str(task)), mode, num_faces=faces)
    options.output_face_blendshapes = options.output_facial_transformation_matrixes = True
    return vision.FaceLandmarker.create_from_options(options)


def as_image(rgb: np.ndarray) -> mp.Image:
    """Wrap RGB bytes for MediaPipe."""
    return mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)


def record(task: Path, shared: Path) -> dict[str, np.ndarray]:
    """Run both modes over all the material."""
    table = Table()
    with landmarker(task, IMAGE_FACES, vision.RunningMode.IMAGE) as detector:
        for source in PICTURES:
            rgb = read_picture(shared / source)
            table.add("image", source, 0, -1, rgb, detector.detect(as_image(rgb)))
        for source in CLIPS:
            for index, rgb in enumerate(read_clip(shared / source)):
                if index % EVERY == 0:
                    table.add("image", source, index, -1, rgb, detector.detect(as_image(rgb)))
    for source in VIDEO_CLIPS:
        with landmarker(task, 1, vision.RunningMode.VIDEO) as tracker:
            for index, rgb in enumerate(read_clip(shared / source)):
                stamp = index * FRAME_MS
                result = tracker.detect_for_video(as_image(rgb), stamp)
                if index % EVERY == 0:
                    table.add("video", source, index, stamp, rgb, result)
    return table.arrays()


def main() -> None:
    """Read the arguments, record and write."""
    parser = argparse.ArgumentParser(description="Record golden numbers of MediaPipe's Face Landmarker.")
    parser.add_argument("--task", type=Path, required=True, help="face_landmarker.task")
    parser.add_argument("--shared", type=Path, required=True, help="folder with the pictures and clips")
    parser.add_argument("-o", "--output", type=Path, required=True, help="npz file to write")
    args = parser.parse_args()
    arrays = record(args.task, args.shared)
    np.savez_compressed(args.output, **arrays)
    print(f"{len(arrays['faces'])} frames, {len(arrays['landmarks'])} faces, {args.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
