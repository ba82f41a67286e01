"""mien.sinks.recorder: frames and states into a file that `mien.recording` reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from mien import recording
from mien.errors import SinkError
from mien.layouts import ARKIT52
from mien.sinks.recorder import Recorder
from mien.types import no_face
from models import blocks


def test_each_frame_is_followed_by_its_states(tmp_path: Path) -> None:
    with Recorder(str(tmp_path / "a.mrec")) as sink:
        sink.put([no_face(3, ARKIT52)] * 2, blocks(t_ns=3))
        sink.send(no_face(4, ARKIT52))
    kinds = [(kind, t_ns) for kind, t_ns, _ in recording.read(tmp_path / "a.mrec")]
    assert kinds == [("frame", 3), ("state", 3), ("state", 3), ("state", 4)]


@pytest.mark.parametrize("address", ["missing/a.mrec", ""])
def test_a_recorder_that_cannot_write_is_an_error(address: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError) as refused:
        Recorder(str(tmp_path / address))
    assert refused.value.code == "sink.open"


def test_a_full_disk_is_an_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    with pytest.raises(SinkError) as refused:
        Recorder("/dev/full")
    assert refused.value.code == "sink.write"


def test_a_closed_recorder_takes_nothing(tmp_path: Path) -> None:
    sink = Recorder(str(tmp_path / "a.mrec"))
    sink.close()
    with pytest.raises(SinkError) as refused:
        sink.put([], blocks())
    assert refused.value.code == "sink.write"
