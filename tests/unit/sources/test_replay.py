"""mien.sources.replay: the frames of a recording, as fast as they are read or in real time."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from mien.errors import SourceError
from mien.sinks.recorder import Recorder
from mien.sources.replay import Replay
from mien.types import Frame
from models import MS, blocks


def recorded(path: Path, frames: list[Frame]) -> Path:
    with Recorder(str(path)) as sink:
        for frame in frames:
            sink.put([], frame)
    return path


@pytest.mark.parametrize(("name", "code"), [("absent.mrec", "source.missing"), ("empty.mrec", "source.truncated")])
def test_a_recording_that_is_not_there_is_refused(name: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "empty.mrec").touch()
    with pytest.raises(SourceError) as refused:
        Replay(str(tmp_path / name))
    assert refused.value.code == code


@pytest.mark.parametrize("speed", [-1.0, float("nan"), "1", None, True])
def test_an_impossible_speed_is_refused(speed: Any, tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.mrec", [blocks()])
    with pytest.raises(SourceError) as refused:
        Replay(str(path), speed)
    assert refused.value.code == "source.setting"


def test_replay_in_real_time_keeps_the_pauses(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.mrec", [blocks(t_ns=t * 50 * MS) for t in range(4)])
    source, start = Replay(str(path), speed=1.0), time.monotonic()
    assert [frame.t_ns for frame in iter(source.read, None)] == [0, 50 * MS, 100 * MS, 150 * MS]
    assert time.monotonic() - start >= 0.149


def test_a_speed_near_zero_waits_as_long_as_it_can(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.mrec", [blocks(t_ns=0), blocks(t_ns=MS)])
    source = Replay(str(path), speed=1e-300)
    source.read()
    threading.Timer(0.05, source.close).start()
    assert source.read() is not None


def test_closing_a_replay_ends_its_pause(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.mrec", [blocks(t_ns=0), blocks(t_ns=3600_000 * MS)])
    source = Replay(str(path), speed=1.0)
    source.read()
    source.close()
    start = time.monotonic()
    source.read()
    assert time.monotonic() - start < 5
