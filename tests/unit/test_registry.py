"""mien.registry: one file in a folder is one plug-in, and so is an entry point of another distribution.

The work is done by a private copy of the package in a process of its own, so nothing here sees the dropped files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mien
import models
import pytest

PACKAGE = Path(mien.__file__).parent

BACKEND = """
from collections.abc import Mapping
import numpy as np
from mien.backends.base import Session

class Toy(Session):
    engine = "toy"
    @classmethod
    def version(cls): return "7"
    @classmethod
    def devices(cls): return ("ABACUS",)
    def __init__(self, model, *, device, threads):
        self.device, self._gain = device, float(bytes(model))
        self.inputs, self.outputs = {"in": (1, 1)}, {"out": (1, 1)}
    def run(self, feeds, outputs):
        return [feeds["in"] * np.float32(self._gain)]
"""
TASK = """
from mien.layouts import ARKIT52
from mien.tasks._network import Runner
from mien.tasks.base import Task
from mien.types import FaceState, no_face

class Brightness(Task):
    name = "brightness"
    def __init__(self, bundle, load, *, max_faces=1, tracking=True, smoothing=True):
        self._loaded = load("net")
    def new_stream(self):
        return Runner(self._loaded)
    def process(self, frame, stream, profiler):
        stream.buffer("x")[:] = frame.planes[0].mean()
        level = float(stream.run(profiler)["y"][0, 0])
        nothing = no_face(frame.t_ns, ARKIT52)
        return [FaceState(frame.t_ns, 0, ARKIT52, nothing.values, nothing.raw, nothing.valid, level)]
"""
SOURCE = """
import numpy as np
from mien.sources.base import Source
from mien.types import Frame

class Ramp(Source):
    @classmethod
    def accepts(cls, address): return address.startswith("ramp:")
    def __init__(self, address):
        self._left = list(range(int(address.removeprefix("ramp:"))))
    def read(self):
        if not self._left: return None
        level = self._left.pop(0)
        return Frame.of(np.full((2, 2, 3), level, np.uint8), t_ns=level)
"""
SINK = """
from mien.sinks.base import Sink

class Gather(Sink):
    def __init__(self, address): self.levels = []
    def put(self, states, frame=None): self.levels += [s.confidence for s in states]
"""
FILTER = """
from dataclasses import replace
from mien.filters.base import Filter

class Negate(Filter):
    def fresh(self): return Negate()
    def apply(self, state): return replace(state, confidence=-state.confidence)
"""
IMPORTER = """
from mien.importers.base import Imported, Importer

class Gain(Importer):
    summary = "a number in a text file"
    @classmethod
    def accepts(cls, path): return path.suffix == ".gain"
    def convert(self, path):
        port = {"shape": [1, 1]}
        target = {"engine": "toy", "precision": "exact", "blob": "gain.txt", "tensors": {"x": "in", "y": "out"}}
        network = {"inputs": {"x": port}, "outputs": {"y": port}, "targets": [target]}
        manifest = {"schema": 1, "name": "gain", "task": "brightness", "licence": {"spdx": "CC0-1.0"}}
        return Imported({**manifest, "networks": {"net": network}}, {"gain.txt": path.read_bytes()})
"""
DROPPED = {
    "backends/toy.py": BACKEND,
    "tasks/brightness.py": TASK,
    "sources/ramp.py": SOURCE,
    "sinks/gather.py": SINK,
    "filters/negate.py": FILTER,
    "importers/gain.py": IMPORTER,
}
END_TO_END = """
from pathlib import Path
import mien
from mien import registry
from mien.filters.base import Filter
from mien.importers.select import import_model
from mien.sinks.base import Sink
bundle = import_model(Path("two.gain"), Path("two.mien"))
step = registry.find("filters", "negate", Filter)()
sink = registry.find("sinks", "gather", Sink)("")
with mien.open(bundle, filters=[step]) as face:
    for state in face.stream("ramp:4"):
        sink.send(state)
    print(sink.levels, face.report().networks[0].used, face.report().frames_out)
with mien.open(bundle, device="toy:abacus") as face:
    print(face.report().networks[0].used)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a private copy of the package."""
    shutil.copytree(PACKAGE, tmp_path / "mien", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def answer(code: str, folder: Path) -> str:
    done = run(code, folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_one_file_per_folder_works_end_to_end(copy: Path) -> None:
    for name, text in DROPPED.items():
        (copy / "mien" / name).write_text(text)
    (copy / "two.gain").write_text("2")
    assert answer(END_TO_END, copy).splitlines() == [
        "[-0.0, -2.0, -4.0, -6.0] toy:ABACUS 4",
        "toy:ABACUS",
    ]


@pytest.mark.parametrize("name", DROPPED)
def test_a_dropped_file_is_listed_under_its_name(name: str, copy: Path) -> None:
    folder, _, file = name.partition("/")
    (copy / "mien" / name).write_text("raise RuntimeError('imported')")
    listed = answer(f"from mien import registry; print(registry.names({folder!r}))", copy)
    assert repr(Path(file).stem) in listed


def test_a_file_with_an_underscore_is_no_plug_in(copy: Path) -> None:
    (copy / "mien/sinks/_gather.py").write_text(SINK)
    assert "gather" not in answer("from mien import registry; print(registry.names('sinks'))", copy)


FIND = "from mien import registry; from mien.sinks.base import Sink; print(registry.find('sinks', {!r}, Sink))"


def test_a_name_that_nothing_has_is_refused_with_the_known_ones(copy: Path) -> None:
    failed = run(FIND.format("carrier_pigeon"), copy)
    assert "[sinks.unknown]" in failed.stderr
    assert "csv" in failed.stderr


@pytest.mark.parametrize("text", ["", SINK + SINK.replace("Gather", "Other"), "class Gather: pass"])
def test_a_file_without_exactly_one_class_is_refused(text: str, copy: Path) -> None:
    (copy / "mien/sinks/gather.py").write_text(text)
    assert "[sinks.malformed]" in run(FIND.format("gather"), copy).stderr


def test_a_file_that_fails_to_import_is_refused_by_name(copy: Path) -> None:
    (copy / "mien/sinks/gather.py").write_text("import no_such_package")
    failed = run(FIND.format("gather"), copy).stderr
    assert "[sinks.broken]" in failed
    assert "gather" in failed
    assert "no_such_package" in failed


def installed(folder: Path, group: str, point: str, text: str) -> None:
    """A distribution `other` with one module and one entry point, as pip would leave it."""
    (folder / "other.py").write_text(text)
    info = folder / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{point}\n")


def test_an_entry_point_of_another_distribution_is_a_plug_in(copy: Path) -> None:
    installed(copy, "mien.sources", "ramp = other:Ramp", SOURCE)
    blocks = models.write_face(copy / "blocks.mien")
    code = f"import mien; print(sum(1 for _ in mien.open({str(blocks)!r}).stream('ramp:3')))"
    assert answer(code, copy) == "3"


def test_an_entry_point_that_is_no_such_class_is_refused(copy: Path) -> None:
    installed(copy, "mien.sinks", "gather = other:Gather", "class Gather: pass")
    assert "[sinks.malformed]" in run(FIND.format("gather"), copy).stderr


def test_an_entry_point_that_fails_to_load_is_refused_by_name(copy: Path) -> None:
    installed(copy, "mien.sinks", "gather = other:Absent", "")
    assert "[sinks.broken]" in run(FIND.format("gather"), copy).stderr
