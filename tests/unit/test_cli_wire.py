"""`mien send` and `mien receive` as two programs that know nothing of each other but a port."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien import recording
from mien.layouts import ARKIT52
from mien.locate import film
from mien.types import FaceState, HeadPose

OK, NOTHING_FOUND, REFUSED = 0, 1, 2


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mien", *map(str, arguments)]


def mien(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120)


@contextmanager
def receiving(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A `mien receive` that listens, and its port."""
    with subprocess.Popen(
        command("receive", 0, "--host", "127.0.0.1", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            assert said.startswith("listening on 127.0.0.1:"), said
            yield process, int(said.rpartition(":")[2])
        finally:
            process.kill()


def states(count: int) -> list[FaceState]:
    values = np.linspace(0, 1, 52, dtype=np.float32)
    head = HeadPose((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.5), 0.0)
    first = FaceState(0, 0, ARKIT52, values, values, np.ones(52, np.bool_), 0.9, head=head, aus={"AU12": 0.5})
    return [replace(first, t_ns=k * 20_000_000) for k in range(count)]


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("takes") / "take.mrec"
    writer = recording.Writer(path)
    for state in states(50):
        writer.state(state)
    writer.close()
    return path


def test_a_recorded_take_arrives_in_its_own_time(take: Path, tmp_path: Path) -> None:
    table, kept = tmp_path / "states.csv", tmp_path / "states.mrec"
    with receiving("--json", "--states", 50, "--csv", table, "--record", kept) as (process, port):
        begun = time.monotonic()
        sent = mien("send", take, f"127.0.0.1:{port}", "--recorded")
        took = time.monotonic() - begun
        told, _ = process.communicate(timeout=60)
    assert sent.returncode == process.returncode == OK
    assert "50 frame(s), a face in 50" in sent.stdout
    assert took > 0.98
    lines = [json.loads(line) for line in told.splitlines()]
    assert [line["t_ns"] for line in lines] == [k * 20_000_000 for k in range(50)]
    assert lines[0]["faces"][0]["values"]["tongueOut"] == pytest.approx(1, abs=2e-3)
    assert lines[0]["faces"][0]["aus"] == {"AU12": pytest.approx(0.5, abs=2e-3)}
    assert len(table.read_text().splitlines()) == 51
    assert len(list(recording.states(kept))) == 50


def test_a_picture_is_looked_at_and_sent(tmp_path: Path) -> None:
    with receiving("--states", 1) as (process, port):
        sent = mien("send", film(), f"127.0.0.1:{port}", "--frames", 5, "--no-pace")
        told, _ = process.communicate(timeout=60)
    assert sent.returncode == process.returncode == OK
    assert "5 frame(s), a face in 5" in sent.stdout
    assert "1 state(s)" in told


def test_silence_ends_a_receive_that_waits_so_long_only() -> None:
    done = mien("receive", 0, "--host", "127.0.0.1", "--idle", 0.3)
    assert done.returncode == NOTHING_FOUND
    assert "0 state(s)" in done.stdout


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        done = mien("receive", other.getsockname()[1], "--host", "127.0.0.1")
    assert done.returncode == REFUSED
    assert "source.open" in done.stderr


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:0", "127.0.0.1:http"])
def test_an_address_that_is_none_is_refused(address: str, take: Path) -> None:
    done = mien("send", take, address, "--recorded")
    assert done.returncode == REFUSED
    assert "sink.address" in done.stderr


def test_what_is_no_recording_has_no_states_to_send(tmp_path: Path) -> None:
    other = tmp_path / "notes.mrec"
    other.write_text("nothing")
    done = mien("send", other, "127.0.0.1:9", "--recorded")
    assert done.returncode == REFUSED
    assert "recording.format" in done.stderr


def test_an_identity_comes_with_the_states(take: Path, tmp_path: Path) -> None:
    portrait, arrived = tmp_path / "portrait.jpg", tmp_path / "arrived.jpg"
    portrait.write_bytes(np.random.default_rng(0).bytes(150_000))
    with receiving("--states", 50, "--identity", arrived) as (process, port):
        sent = mien("send", take, f"127.0.0.1:{port}", "--recorded", "--identity", portrait)
        told, _ = process.communicate(timeout=60)
    assert sent.returncode == process.returncode == OK
    assert arrived.read_bytes() == portrait.read_bytes()
    assert f"wrote {arrived}" in told
