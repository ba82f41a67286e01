"""What is said in a file's metadata is read by others' programs, and the pictures stay what they were."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from mien.errors import SinkError
from mien.locate import film
from mien.provenance import COMPOSITE, stamp
from PIL import Image

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)


def told(path: Path) -> dict[str, str]:
    """The properties, as Pillow and the standard library read them."""
    with Image.open(path) as opened:
        info = opened.info
    (description,) = ElementTree.fromstring(info.get("xmp") or info["XML:com.adobe.xmp"])[0]
    return {name.rpartition("}")[2]: value for name, value in description.items()}


@pytest.mark.parametrize("name", ["out.png", "out.jpg"])
def test_pictures_say_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    cv2.imwrite(str(path), PICTURE)
    before = cv2.imread(str(path))
    assert stamp(path, "invisible")
    properties = told(path)
    assert properties["DigitalSourceType"] == COMPOSITE
    assert properties["mark"] == "invisible"
    assert properties["CreatorTool"] == "mien"
    assert (cv2.imread(str(path)) == before).all()
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_videos_say_it_in_a_box_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(film().read_bytes())
    before = cv2.VideoCapture(str(path)).read()[1]
    assert stamp(path, "both")
    data, at, boxes = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        boxes.append(data[at + 4 : at + 8])
        last = data[at : at + size]
        at += size
    assert at == len(data) and boxes[-1] == b"uuid"
    assert COMPOSITE.encode() in last
    assert (cv2.VideoCapture(str(path)).read()[1] == before).all()


def test_other_files_cannot_keep_it_and_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "out.bmp"
    cv2.imwrite(str(path), PICTURE)
    before = path.read_bytes()
    assert not stamp(path, "invisible")
    assert path.read_bytes() == before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="sink"):
        stamp(tmp_path / "nothing.png", "invisible")
