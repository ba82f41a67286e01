"""mien.sources.select: an address becomes a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mien.errors import SourceError
from mien.sources.frames import Frames
from mien.sources.image import Images
from mien.sources.raw import Raw
from mien.sources.replay import Replay
from mien.sources.select import open_source
from mien.sources.video import Video
from models import blocks


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """One file of each kind, named after it."""
    from mien.sinks.recorder import Recorder

    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    np.save(tmp_path / "a.npy", np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "a.raw").write_bytes(bytes(16))
    with Recorder(str(tmp_path / "a.mrec")) as sink:
        sink.put([], blocks())
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30, (32, 24))
    writer.write(np.zeros((24, 32, 3), np.uint8))
    writer.release()
    return tmp_path


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("{}/a.png", Images),
        ("{}", Images),
        ("{}/a.npy", Frames),
        ("{}/a.avi", Video),
        ("{}/a.mrec", Replay),
        ("raw:{}/a.raw?format=gray8&width=4&height=4", Raw),
    ],
)
def test_an_address_finds_its_kind(address: str, kind: type, files: Path) -> None:
    source = open_source(address.format(files))
    assert type(source) is kind
    assert source.read() is not None
    source.close()


def test_a_path_is_an_address(files: Path) -> None:
    assert type(open_source(files / "a.png")) is Images


def test_a_source_stays_what_it_is() -> None:
    source = Frames([])
    assert open_source(source) is source


def test_an_iterable_is_a_source_of_its_frames() -> None:
    frame = blocks()
    assert open_source([frame]).read() is frame


@pytest.mark.parametrize(("origin", "code"), [
    ("a.xyz", "source.unknown"), ("absent.png", "source.missing"), (True, "source.unknown"),
    (3.5, "source.unknown"), ("", "source.unknown"), (b"a.png", "source.unknown"), ("a" * 5000, "source.unknown"),
    ("a" * 5000 + ".png", "source.missing"), ("a\0.png", "source.missing"), ("a\0.mp4", "source.missing"),
    (2**40, "camera.absent"), (None, "source.unknown"), ("raw:x", "source.setting"), (-1, "camera.absent"),
])  # fmt: skip
def test_what_nothing_reads_is_refused(origin: Any, code: str) -> None:
    with pytest.raises(SourceError) as refused:
        open_source(origin)
    assert refused.value.code == code


@pytest.mark.parametrize("kind", [Images, Video, Replay])
@pytest.mark.parametrize("address", [None, 5, b"a", "a\0b", "a" * 5000])
def test_what_is_no_path_is_refused_by_each_kind(kind: Any, address: Any) -> None:
    with pytest.raises(SourceError) as refused:
        kind(address)
    assert refused.value.code == "source.missing"
