"""mien.sources.image: pictures, each of its own, by name."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from mien.errors import MissingExtraError, SourceError
from mien.sources.image import Images
from mien.types import Frame

COLOURS = np.full((24, 32, 3), (10, 120, 240), np.uint8)  # BGR


def written(path: Path, picture: np.ndarray = COLOURS) -> Path:
    path.write_bytes(cv2.imencode(path.suffix.lower(), picture)[1].tobytes())
    return path


def read_all(path: Path) -> list[Frame]:
    return list(iter(Images(str(path)).read, None))


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".jpeg", ".bmp", ".webp", ".tiff", ".ppm"])
def test_a_picture_is_read_with_its_colours(suffix: str, tmp_path: Path) -> None:
    (frame,) = read_all(written(tmp_path / f"a{suffix}"))
    assert (frame.width, frame.height, frame.t_ns) == (32, 24, 0)
    np.testing.assert_allclose(frame.to_rgb()[12, 16], (240, 120, 10), atol=6)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".pgm"])
def test_a_gray_picture_has_equal_channels(suffix: str, tmp_path: Path) -> None:
    (frame,) = read_all(written(tmp_path / f"a{suffix}", np.full((8, 8), 77, np.uint8)))
    assert (frame.to_rgb() == 77).all()


def test_alpha_is_dropped(tmp_path: Path) -> None:
    transparent = np.dstack([COLOURS, np.zeros((24, 32), np.uint8)])
    (frame,) = read_all(written(tmp_path / "a.png", transparent))
    assert frame.to_rgb()[0, 0].tolist() == [240, 120, 10]


def test_16_bits_become_8(tmp_path: Path) -> None:
    (frame,) = read_all(written(tmp_path / "a.png", np.full((8, 8, 3), 0x8000, np.uint16)))
    assert (frame.to_rgb() == 128).all()


def test_a_folder_is_read_in_name_order_one_second_apart(tmp_path: Path) -> None:
    for level, name in ((3, "c.png"), (1, "a.PNG"), (2, "b.bmp")):
        written(tmp_path / name, np.full((4, 4, 3), level, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    frames = read_all(tmp_path)
    assert [int(frame.planes[0][0, 0, 0]) for frame in frames] == [1, 2, 3]
    assert [frame.t_ns for frame in frames] == [0, 10**9, 2 * 10**9]
    assert Images(str(tmp_path)).length() == 3


def test_names_beyond_ascii_are_read(tmp_path: Path) -> None:
    assert len(read_all(written(tmp_path / "größe 顔.png"))) == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
@pytest.mark.parametrize("part", [0, 0.02, 0.3, 0.9, 0.99])
def test_a_truncated_picture_is_an_error(part: float, suffix: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = written(tmp_path / f"a{suffix}", noise)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(SourceError) as refused:
        read_all(path)
    assert refused.value.code == "source.truncated"


def test_a_picture_that_claims_to_be_huge_is_an_error(tmp_path: Path) -> None:
    head = struct.pack(">II", 1 << 20, 1 << 20) + b"\x08\x02\x00\x00\x00"
    chunk = b"IHDR" + head
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(data + struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))
    with pytest.raises(SourceError) as refused:
        read_all(tmp_path / "a.png")
    assert refused.value.code == "source.truncated"


def test_a_picture_that_vanished_is_an_error(tmp_path: Path) -> None:
    source = Images(str(written(tmp_path / "a.png")))
    (tmp_path / "a.png").unlink()
    with pytest.raises(SourceError):
        source.read()


def test_a_damaged_picture_in_a_folder_is_named(tmp_path: Path) -> None:
    written(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"b\.png"):
        read_all(tmp_path)


@pytest.mark.parametrize(("name", "code"), [("absent.png", "source.missing"), ("", "source.empty")])
def test_where_no_picture_is_there_is_an_error(name: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refused:
        Images(str(tmp_path / name))
    assert refused.value.code == code


def test_without_opencv_the_pip_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[video\]'"):
        Images(str(written(tmp_path / "a.png")))
