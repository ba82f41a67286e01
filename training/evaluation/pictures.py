"""How alike two pictures are."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def psnr(one: U8, other: U8) -> float:
    """Peak signal to noise ratio of uint8 pictures in dB; equal pictures have 99."""
    error = float(np.square(one.astype(np.float32) - other).mean())
    return min(10 * float(np.log10(255**2 / max(error, 1e-9))), 99.0)


def ssim(one: U8, other: U8) -> float:
    """Structural similarity of the luminance of uint8 pictures (H, W, 3), Gaussian window of 1.5 (Wang et al. 2004)."""
    a, b = (np.asarray(picture.astype(np.float32) @ _LUMA, np.float32) for picture in (one, other))

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    value = (2 * ma * mb + c1) * (2 * both + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    return float(value.mean())
