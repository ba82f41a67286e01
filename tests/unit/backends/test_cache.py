"""mien.backends.cache: compiled once, whatever happens to the folder."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import models
import numpy as np
import pytest
from mien.backends.cache import cached, folder, key


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "mien")  # other tests' tools turn the root logger down


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MIEN_CACHE_MB", raising=False)
    return tmp_path / "cache"


class Compiler:
    """Counts what it does. A network is its text."""

    def __init__(self, text: str = "network") -> None:
        self.text, self.compiled = text, 0

    def __call__(self, name: str = "a", load: Callable[[bytes], str] = bytes.decode) -> str:
        def compile_() -> str:
            self.compiled += 1
            return self.text

        return cached(name, load, compile_, str.encode)


def entry(desk: Path, name: str = "a") -> Path:
    return desk / f"{name}.bin"


def test_the_second_time_nothing_is_compiled() -> None:
    compiler = Compiler()
    assert [compiler(), compiler(), Compiler("other")()] == ["network"] * 3
    assert compiler.compiled == 1


def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Compiler()()
    assert folder().stat().st_mode & 0o077 == 0
    monkeypatch.delenv("MIEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert folder() == tmp_path / "xdg" / "mien"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert folder() == Path("~/.cache/mien").expanduser()


def test_a_key_depends_on_each_part_and_where_it_ends() -> None:
    keys = {key(b"ab", "c"), key(b"a", "bc"), key(b"abc"), key(b"ab", "d"), key("ab", b"c", "")}
    assert len(keys) == 5
    assert key(b"ab", "c") == key(memoryview(b"ab"), "c")


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_entry_is_made_anew(damage: str, desk: Path, caplog: pytest.LogCaptureFixture) -> None:
    Compiler()()
    data = entry(desk).read_bytes()
    broken = {"cut": data[:-1], "flip": data[:-1] + b"!", "empty": b"", "text": b"hello, world" * 10}[damage]
    entry(desk).write_bytes(broken)
    compiler = Compiler()
    assert compiler() == "network"
    assert compiler.compiled == 1
    assert "checksum" in caplog.text
    assert entry(desk).read_bytes() == data, "healed"


def test_an_entry_that_the_engine_refuses_is_made_anew(desk: Path, caplog: pytest.LogCaptureFixture) -> None:
    Compiler("old")()

    def refuse(data: bytes) -> str:
        if data == b"old":
            raise RuntimeError("made by another version")
        return data.decode()

    compiler = Compiler("new")
    assert compiler(load=refuse) == compiler(load=refuse) == "new"
    assert compiler.compiled == 1
    assert "made by another version" in caplog.text


def test_a_folder_that_cannot_be_written_costs_only_the_cache(desk: Path) -> None:
    desk.write_text("a file where the folder should be")
    compiler = Compiler()
    assert [compiler(), compiler()] == ["network"] * 2
    assert compiler.compiled == 2
    assert desk.read_text() == "a file where the folder should be"


def test_a_full_disk_costs_only_the_cache(
    desk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert Compiler()() == "network"
    assert "No space left" in caplog.text
    assert list(desk.glob("*.bin")) == list(desk.glob(".*.bin")) == []


def test_an_error_of_the_compiler_is_the_callers_and_leaves_nothing(desk: Path) -> None:
    def fail() -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cached("a", bytes.decode, fail, str.encode)
    assert not entry(desk).exists()


def test_a_limit_of_nothing_keeps_nothing(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE_MB", "0")
    compiler = Compiler()
    assert [compiler(), compiler()] == ["network"] * 2
    assert compiler.compiled == 2
    assert not desk.exists()


def test_beyond_the_limit_what_was_used_longest_ago_goes(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE_MB", "0.0035")
    compiler = Compiler("x" * 1000)
    for age, name in enumerate("abc"):
        compiler(name)
        os.utime(entry(desk, name), (100 + age, 100 + age))
    compiler("a")  # used again, so b is the oldest
    compiler("d")
    assert {path.stem for path in desk.glob("*.bin")} == {"a", "c", "d"}
    assert not (desk / "b.lock").exists()


def test_threads_that_want_the_same_compile_it_once(desk: Path) -> None:
    compiler = Compiler()

    def slow() -> str:
        time.sleep(0.2)
        compiler.compiled += 1
        return "network"

    threads = [threading.Thread(target=cached, args=("a", bytes.decode, slow, str.encode)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert compiler.compiled == 1


PROGRAM = """
import json, sys, time
import numpy as np
from mien.backends import openvino
began = time.perf_counter()
session = openvino.OpenVinoSession(memoryview(open(sys.argv[1], "rb").read()), device="CPU", threads=1)
said = session.run({"x": np.ones((2, 3), np.float32)}, ["y"])
print(json.dumps([said[0].tolist(), time.perf_counter() - began]))
"""


def test_processes_that_compile_at_once_all_get_it_right(desk: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    path = tmp_path / "model.onnx"
    path.write_bytes(models.twice_plus_one())
    command = [sys.executable, "-c", PROGRAM, str(path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [json.loads(process.communicate(timeout=120)[0])[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    assert answers == [np.full((2, 3), 3.0).tolist()] * 3
    (kept,) = desk.glob("*.bin")
    kept.write_bytes(kept.read_bytes()[:200])
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout)[0] == answers[0]
    assert next(iter(desk.glob("*.bin"))).stat().st_size > 200, "healed"
