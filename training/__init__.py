"""How the default models are made: the synthetic performer, the networks, the training loops and their evaluation."""

import os

# The small matrix products of rendering and augmentation are up to fifty times slower when OpenBLAS spreads them over
# cores that are busy with something else. It reads this once, when numpy is loaded; torch has threads of its own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# As the library does before it first opens a video: OpenCV's FFmpeg prints what is raised anyway.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
