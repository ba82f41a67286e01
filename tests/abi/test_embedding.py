"""The whole way in C: the samples give what Python gives, and refuse what they cannot do, naming the field."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mien
import numpy as np
import pytest
from mien.bundle import Bundle
from native_build import NATIVE, ROOT, cmake_build, run, tool

MODELS = ROOT / "sdk/mien/models"
PLUG_IN_HEADER = NATIVE / "engines/openvino/include/mien/openvino.h"
FILM = ROOT / "sdk/mien/data/performance.mp4"
SIDE = 320
FRAMES = 100
STEP_NS = 33_333_333
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def openvino() -> Path:
    """The CMake package that OpenVINO's wheel brings."""
    found = importlib.util.find_spec("openvino")
    if found is None or found.origin is None:
        pytest.skip("needs openvino")
    return Path(found.origin).parent / "cmake"


@pytest.fixture(scope="module")
def built(openvino: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C samples with OpenVINO."""
    folder = tmp_path_factory.mktemp("embedding")
    return cmake_build(ROOT / "samples/c", folder, "MIEN_OPENVINO=ON", f"OpenVINO_DIR={openvino}")


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    """NV12 frames of the shipped film; three in the middle show nobody."""
    cv2 = pytest.importorskip("cv2")
    film = cv2.VideoCapture(str(FILM))
    made = []
    while len(made) < FRAMES:
        more, picture = film.read()
        assert more
        assert picture.shape == (SIDE, SIDE, 3)
        planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).reshape(-1)
        luma, u, v = np.split(planes, [SIDE * SIDE, SIDE * SIDE * 5 // 4])
        made.append(luma.tobytes() + np.stack([u, v], axis=-1).tobytes())
    made[30:33] = [bytes([16]) * SIDE**2 + bytes([128]) * (SIDE**2 // 2)] * 3
    return made


@pytest.fixture(scope="module")
def film(frames: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames in one file."""
    path = tmp_path_factory.mktemp("film") / "film.nv12"
    path.write_bytes(b"".join(frames))
    return path


def _close(given: Any, expected: Any, what: str) -> None:
    given, expected = np.array(given, np.float64).reshape(-1), np.array(expected, np.float64).reshape(-1)
    # Pixels of a frame are hundreds, so their tolerance is relative.
    np.testing.assert_allclose(given, expected, rtol=TOLERANCE, atol=TOLERANCE, err_msg=what)


def test_a_c_program_sees_the_face_that_python_sees(built: Path, film: Path, frames: list[bytes]) -> None:
    printed = run(built / "face_states", MODELS / "face.mien", film, str(SIDE), str(SIDE), str(STEP_NS)).splitlines()
    assert len(printed) == FRAMES
    found = 0
    with mien.open(MODELS / "face.mien", device="openvino:CPU", threads=1) as pipeline:
        for i, (line, pixels) in enumerate(zip(printed, frames, strict=True)):
            said = json.loads(line)
            frame = mien.Frame.from_buffer(pixels, "nv12", SIDE, SIDE, t_ns=i * STEP_NS)
            state = pipeline.process(frame)
            assert (said["t_ns"], said["found"], said["id"]) == (state.t_ns, state.found, state.id)
            _close(said["presence"], state.confidence, "presence")
            assert set(said["coefficients"]) == {*state.layout.names, *(state.extras or said["coefficients"])}
            for name, value in said["coefficients"].items():
                if not state.found:
                    assert value is None
                    continue
                assert (value is None) == bool(np.isnan(state[name])), name
                if value is not None:
                    _close(value, state[name], name)
            if not state.found:
                assert said["box"] is said["rotation_xyzw"] is said["gaze"] is said["landmarks"] is None
                continue
            found += 1
            assert state.head is not None
            for name, expected in (
                ("box", state.box),
                ("landmarks", state.landmarks),
                ("rotation_xyzw", state.head.rotation),
                ("translation_m", state.head.translation),
                ("gaze", state.gaze),
                ("eyes", state.eyes),
            ):
                _close(said[name], expected, f"{name} of frame {i}")
            assert state.visibility is not None
            assert list(said["visibility"]) == list(state.visibility)
            _close(list(said["visibility"].values()), list(state.visibility.values()), "visibility")
    assert found == FRAMES - 3


def _with_cache(built: Path, film: Path, cache: Path, **how: Any) -> str:
    command = [built / "face_states", MODELS / "face.mien", film, str(SIDE), str(SIDE), str(STEP_NS), cache]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **how)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _entries(cache: Path) -> dict[Path, int]:
    """The files of the cache, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def few(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames."""
    path = tmp_path_factory.mktemp("few") / "few.nv12"
    path.write_bytes(film.read_bytes()[: 3 * SIDE * SIDE * 3 // 2])
    return path


@pytest.fixture(scope="module")
def uncached(built: Path, few: Path) -> str:
    """What is printed without a cache."""
    return run(built / "face_states", MODELS / "face.mien", few, str(SIDE), str(SIDE), str(STEP_NS))


def test_a_compiled_network_is_kept_and_gives_the_same_to_the_last_digit(
    built: Path, few: Path, uncached: str, tmp_path: Path
) -> None:
    cache = tmp_path / "not" / "yet"
    assert _with_cache(built, few, cache) == uncached
    kept = _entries(cache)
    assert len(kept) == 4  # two networks, each with its sums
    assert _with_cache(built, few, cache) == uncached
    assert _entries(cache) == kept


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 4000] = bytes(byte ^ 0x55 for byte in data[middle : middle + 4000])
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        _flip,
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: path.unlink(),
        lambda path: path.with_name("sums").unlink(),
        lambda path: path.with_name("sums").write_text("0.blob 00000000 00000000\n"),
        lambda path: path.with_name("1.blob").write_bytes(b"not one of OpenVINO's"),
    ],
    ids=["other weights", "cut short", "missing", "no sums", "wrong sums", "a stranger"],
)
def test_a_damaged_entry_is_made_anew(
    built: Path, few: Path, uncached: str, tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    _with_cache(built, few, tmp_path)
    whole = {path.relative_to(tmp_path) for path in _entries(tmp_path)}
    for blob in tmp_path.rglob("*.blob"):
        blob.chmod(0o600)
        damage(blob)
    assert _with_cache(built, few, tmp_path) == uncached
    healed = _entries(tmp_path)
    assert {path.relative_to(tmp_path) for path in healed} == whole
    assert _with_cache(built, few, tmp_path) == uncached
    assert _entries(tmp_path) == healed


def test_a_cache_that_cannot_be_written_costs_nothing_else(
    built: Path, few: Path, uncached: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert _with_cache(built, few, tmp_path / "file" / "cache") == uncached

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    # As on a full disk, writing fails after so many bytes; Python ignores the signal that comes with it, and the
    # program inherits that.
    full = {"preexec_fn": no_room, "restore_signals": False}
    assert _with_cache(built, few, tmp_path / "full", **full) == uncached
    assert _entries(tmp_path / "full") == {}


def test_processes_that_compile_at_the_same_time_leave_one_whole_entry_each(
    built: Path, few: Path, uncached: str, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(3) as pool:
        printed = list(pool.map(lambda _: _with_cache(built, few, tmp_path), range(3)))
    assert printed == [uncached] * 3
    kept = _entries(tmp_path)
    assert len(kept) == 4
    assert not list(tmp_path.glob(".draft*"))
    _with_cache(built, few, tmp_path)
    assert _entries(tmp_path) == kept


def test_what_an_ended_process_left_is_swept_away_in_time(built: Path, few: Path, tmp_path: Path) -> None:
    old, new = tmp_path / ".draft-0-0-1", tmp_path / ".draft-0-0-2"
    for folder in (old, new):
        folder.mkdir()
        (folder / "1.blob").write_bytes(b"half")
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    _with_cache(built, few, tmp_path)
    assert not old.exists()
    assert new.exists()  # another process may be at it


def test_the_plug_in_exports_its_header_and_nothing_else(built: Path) -> None:
    library = next((built / "native").rglob("libmien_openvino.so"))
    symbols = run(tool("nm"), "-D", "--defined-only", library).splitlines()
    declared = re.findall(r"^MIEN_API .*?\b(mien_\w+)\(", PLUG_IN_HEADER.read_text(), flags=re.M)
    assert (
        {line.split()[-1] for line in symbols} == set(declared) == {"mien_openvino_configure", "mien_openvino_engine"}
    )


def test_options_of_another_size_are_refused(built: Path) -> None:
    plug_in = ctypes.CDLL(str(next((built / "native").rglob("libmien_openvino.so"))))
    sizes = [(ctypes.c_uint32 * 16)(first) for first in (16, 48, 17)]
    options, engine, wrong = sizes
    assert plug_in.mien_openvino_configure(None, engine) == 1
    assert plug_in.mien_openvino_configure(options, None) == 1
    assert plug_in.mien_openvino_configure(wrong, engine) == 2
    assert plug_in.mien_openvino_configure(options, wrong) == 2
    options[2] = options[3] = 0  # no folder
    assert plug_in.mien_openvino_configure(options, engine) == 0


def test_a_c_program_reads_the_skin_as_python_does(built: Path, tmp_path: Path) -> None:
    source = mien.Simulator("sim:imu18?seconds=6")
    assert run(built / "imu_states", MODELS / "imu.mien", "--sensors").split() == list(source.sensors)
    windows: list[Any] = list(iter(source.read, None))
    rows = [w.t_ns.tobytes() + w.acc.tobytes() + w.gyro.tobytes() for w in windows]
    (tmp_path / "samples.bin").write_bytes(b"".join(rows))
    printed = run(built / "imu_states", MODELS / "imu.mien", tmp_path / "samples.bin").splitlines()
    assert len(printed) == len(windows)
    with mien.open(MODELS / "imu.mien", device="openvino:CPU", threads=1) as pipeline:
        for line, window in zip(printed, windows, strict=True):
            said, state = json.loads(line), pipeline.process(window)
            assert said["found"] == state.found
            for name, value in said["coefficients"].items():
                assert (value is None) == bool(np.isnan(state[name])), name
                if value is not None:
                    _close(value, state[name], name)
            if state.found:
                assert said["t_ns"] == state.t_ns
                _close(list(said["confidence"].values()), list((state.visibility or {}).values()), "confidence")
    assert state.found


def test_streams_over_one_set_of_weights_take_little_and_see_the_same(built: Path, few: Path) -> None:
    printed = run(built / "many_streams", MODELS / "face.mien", few, str(SIDE), str(SIDE), "4").splitlines()
    one, forked, apart = (float(line.split(": ")[1].removesuffix(" MB")) for line in printed[:3])
    assert forked - one < (apart - one) / 4
    seen = [line.split(": ")[1] for line in printed[3:]]
    assert len(seen) == 4
    assert seen[0].startswith("a face, jawOpen 0.")
    assert set(seen) == {seen[0]}


def test_the_other_kind_of_bundle_is_refused(built: Path, tmp_path: Path) -> None:
    (tmp_path / "samples.bin").write_bytes(b"")
    done = subprocess.run(
        [str(built / "imu_states"), str(MODELS / "face.mien"), str(tmp_path / "samples.bin")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "face takes no samples of sensors" in done.stderr


def test_a_cpp_program_runs_on_an_engine_of_its_own(film: Path, tmp_path: Path) -> None:
    build = cmake_build(ROOT / "samples/cpp", tmp_path / "cpp", "CMAKE_BUILD_TYPE=Release")
    command = [build / "own_engine", MODELS / "face.mien", film, str(SIDE), str(SIDE)]
    printed = run(*command).splitlines()
    assert printed[0] == "0 face 0 jawOpen 0.500000"
    assert len(printed) == FRAMES
    short = tmp_path / "short.nv12"
    short.write_bytes(film.read_bytes()[: 3 * SIDE * SIDE * 3 // 2])
    command[2] = short
    leaks = ["--leak-check=full", "--errors-for-leak-kinds=definite,indirect", "--error-exitcode=9"]
    run(tool("valgrind"), "-q", *leaks, *command)


def _refused(built: Path, bundle: Path, film: Path) -> str:
    done = subprocess.run(
        [str(built / "face_states"), str(bundle), str(film), str(SIDE), str(SIDE)], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def _set(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: Any) -> None:
        for key in path[:-1]:
            manifest = manifest[key]
        manifest[path[-1]] = to

    return change


_TARGET = ("networks", "face", "targets", 2)  # the first that is OpenVINO's


def _for_others(manifest: dict[str, Any]) -> None:
    for target in manifest["networks"]["face"]["targets"]:
        target["engine"] = "litert"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_set("task", to="reenact"), "manifest.task"),
        (_set("task", to="expression"), "manifest.expression"),
        (_set("face", "landmarks", "decode", to="heatmap"), "manifest.face.landmarks.slope"),
        (_set("face", "coefficients", "layout", to="mediapipe"), "manifest.face.coefficients.layout"),
        (_set("face", "coefficients", "network", to="face"), "manifest.face.coefficients.landmarks"),
        (_set("face", "pose", "canonical", to="nobody"), "manifest.face.pose.canonical"),
        (_set("face", "landmarks", "count", to=219), "manifest.networks.face.outputs.points"),
        (_set("face", "slak", to=1), "manifest.face.slak means nothing here"),
        (_set("detect", "bundle", to="../detect"), "manifest.detect.bundle"),
        (_set("detect", "bundle", to="absent"), "absent.mien"),
        (_set(*_TARGET, "device", to="NPU"), "manifest.networks.face.targets[2].device"),
        (_set(*_TARGET, "options", to={"A": "B"}), "manifest.networks.face.targets[2].options"),
        (_for_others, "manifest.networks.face.targets: none was made for"),
        (_set(*_TARGET, "blob", to="geometry/canonical.f32"), "network face does not load"),
    ],
)
def test_what_it_does_not_do_is_refused_by_name(
    built: Path, film: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], named: str
) -> None:
    shutil.copy(MODELS / "detect.mien", tmp_path)
    with Bundle.open(MODELS / "face.mien") as bundle:
        manifest = json.loads(json.dumps(bundle.manifest.root.fields))
        del manifest["blobs"]
        change(manifest)
        Bundle.write(tmp_path / "face.mien", manifest, {name: bytes(bundle.blob(name)) for name in bundle.names()})
    assert named in _refused(built, tmp_path / "face.mien", film)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-1], "does not end as a bundle does"),
        (lambda data: data[: len(data) // 2], "does not end as a bundle does"),
        (lambda data: b"", "is not a complete bundle"),
        (lambda data: data[:1_000_000] + bytes([data[1_000_000] ^ 1]) + data[1_000_001:], "fails its checksum"),
        (lambda data: data.replace(b"onnx/face.onnx", b"../../face.onn"), "not a plain relative path"),
    ],
)
def test_a_damaged_bundle_is_refused(
    built: Path, film: Path, tmp_path: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    shutil.copy(MODELS / "detect.mien", tmp_path)
    (tmp_path / "face.mien").write_bytes(damage((MODELS / "face.mien").read_bytes()))
    text = _refused(built, tmp_path / "face.mien", film)
    assert said in text
    assert "bundle is damaged" in text


@pytest.mark.parametrize("name", ["bundle_test", "pipeline_test", "imu_test"])
def test_valgrind_finds_nothing_in_the_readers_and_the_pipeline(name: str, tmp_path_factory: Any) -> None:
    valgrind = tool("valgrind")
    folder = tmp_path_factory.getbasetemp() / "native_tests"
    build = cmake_build(NATIVE, folder, "MIEN_TESTS=ON", "CMAKE_BUILD_TYPE=Release")
    leaks = ["--leak-check=full", "--errors-for-leak-kinds=definite,indirect", "--error-exitcode=9"]
    run(valgrind, "-q", *leaks, build / "tests" / name, cwd=folder)


def test_pkg_config_finds_an_installed_library(built: Path, tmp_path: Path) -> None:
    package = tool("pkg-config")
    run(tool("cmake"), "--install", built / "native", "--prefix", tmp_path / "installed")
    library = next((tmp_path / "installed").glob("lib*/**/mien.pc"))
    flags = run("env", f"PKG_CONFIG_PATH={library.parent}", package, "--cflags", "--libs", "mien").split()
    source = ROOT / "samples/c/nv12_tensor.c"
    run(tool("cc", "gcc", "clang"), "-std=c11", source, *flags, "-o", tmp_path / "nv12_tensor")
    build = cmake_build(ROOT / "samples/c", tmp_path / "build", f"CMAKE_PREFIX_PATH={tmp_path / 'installed'}")
    assert (build / "face_states").is_file()
