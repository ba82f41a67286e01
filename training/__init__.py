"""How the default models are made: the synthetic performer, the networks, the training loops and their evaluation."""

import os

# The small matrix products of rendering and augmentation are up to fifty times slower when OpenBLAS spreads them over
# cores that are busy with something else. It reads this once, when numpy is loaded; torch has threads of its own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
