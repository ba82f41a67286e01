"""A user's pictures and clips become samples: the whole of each, or what a bundle's network is fed."""

from __future__ import annotations

from pathlib import Path

import cv2
import mien
import numpy as np
import pytest
import torch
from mien.locate import locate
from torch import nn

from export.pictures import fed, frames, whole
from export.recipe import Recipe
from quantization.errors import QuantizationError

from .conftest import FILM


def recipe(shape: tuple[int, ...], image: str = "image", value: tuple[float, float] = (1 / 255, 0.0)) -> Recipe:
    return Recipe("r", nn.Identity(), {"image": torch.rand(shape)}, ["y"], image=image, value=value)


def test_a_clip_gives_its_frames_and_a_folder_gives_all(pictures: Path, tmp_path: Path) -> None:
    assert len(list(frames(FILM))) == 180
    assert len(list(frames(pictures))) == 200
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "note.txt").write_text("no picture")
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((8, 8, 3), np.uint8))
    assert len(list(frames(tmp_path))) == 1


def test_a_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuantizationError) as caught:
        list(frames(tmp_path))
    assert caught.value.code == "calibration.empty"


@pytest.mark.parametrize("shape", [(1, 3, 6, 8), (1, 6, 8, 3)])
def test_the_whole_picture_is_stretched_to_the_input(shape: tuple[int, ...], tmp_path: Path) -> None:
    picture = np.zeros((12, 16, 3), np.uint8)
    picture[:, :8] = (0, 0, 255)  # left half red, as OpenCV orders colours
    cv2.imwrite(str(tmp_path / "p.png"), picture)
    samples = whole(frames(tmp_path), recipe(shape, value=(2 / 255, -1.0)))
    image = samples.feeds["image"][0]
    image = image if shape[1] == 3 else image.transpose(2, 0, 1)
    assert image.shape == (3, 6, 8)
    np.testing.assert_allclose(image[0, :, :3], 1.0, atol=0.01)
    np.testing.assert_allclose(image[1:, :, :3], -1.0, atol=0.01)
    np.testing.assert_allclose(image[:, :, 5:], -1.0, atol=0.01)


def test_a_bundles_network_is_fed_faces_of_the_size_it_wants() -> None:
    shown = list(frames(FILM))[:5]
    samples = fed(shown, locate("face"), "face", {"image": "crop"})
    assert samples.feeds["crop"].shape[1:] == (3, 144, 144)
    assert len(samples) >= 5
    assert 0 <= samples.feeds["crop"].min() < samples.feeds["crop"].max() <= 1


def test_a_wall_feeds_a_face_network_nothing() -> None:
    wall = mien.Frame.of(np.full((120, 160, 3), 90, np.uint8), "rgb", t_ns=0)
    assert len(fed([wall], locate("face"), "face", {"image": "image"})) == 0
