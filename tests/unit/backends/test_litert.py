"""mien.backends.litert: .tflite networks by tensor name, against the numbers that MediaPipe published with them."""

from __future__ import annotations

import ctypes.util
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mien
import numpy as np
import pytest
from mien.backends.litert import LiteRtSession
from mien.bundle import Bundle
from mien.errors import DeviceError, MissingExtraError, ModelError

POINTS, SCORES = "serving_default_input_points:0", "StatefulPartitionedCall:0"
GOLDEN_SIZE = (820, 1024)


@pytest.fixture(scope="module")
def model(mediapipe_bundle: Path) -> bytes:
    """MediaPipe's blendshape network: 146 points to 52 scores."""
    with Bundle.open(mediapipe_bundle) as bundle:
        return bytes(bundle.blob("litert/coefficients.tflite"))


@pytest.fixture(scope="module")
def session(model: bytes) -> LiteRtSession:
    return LiteRtSession(memoryview(model), device="CPU", threads=1)


@pytest.fixture(scope="module")
def golden(shared: Path, mediapipe_bundle: Path) -> tuple[np.ndarray, np.ndarray]:
    """Points (1, 146, 2) in pixels and the 52 scores that belong to them."""
    folder = shared / "mediapipe"
    text = (folder / "face_blendshapes_in_landmarks.prototxt").read_text()
    x, y = (np.float32(re.findall(rf"\b{axis}: (\S+)", text)) for axis in "xy")
    with Bundle.open(mediapipe_bundle) as bundle:
        chosen = bundle.manifest.root.section("face").section("coefficients").integers("landmarks")
    points = np.stack([x * GOLDEN_SIZE[0], y * GOLDEN_SIZE[1]], axis=1).astype(np.float32)[chosen]
    scores = re.findall(r"score: (\S+)", (folder / "face_blendshapes_out.prototxt").read_text())
    return points[None], np.float32(scores)


def test_the_published_pair_of_landmarks_and_coefficients_is_reproduced(
    session: LiteRtSession, golden: tuple[np.ndarray, np.ndarray]
) -> None:
    points, scores = golden
    (ours,) = session.run({POINTS: points}, [SCORES])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, scores, atol=1e-3)


def test_tensor_names_and_shapes_are_told(session: LiteRtSession) -> None:
    assert session.inputs == {POINTS: (1, 146, 2)}
    assert session.outputs == {SCORES: (52,)}
    assert (session.engine, session.device, session.extra) == ("litert", "CPU", "litert")


def test_outputs_stay_valid_after_the_next_run(session: LiteRtSession, golden: tuple[np.ndarray, np.ndarray]) -> None:
    (first,) = session.run({POINTS: golden[0]}, [SCORES])
    kept = first.copy()
    session.run({POINTS: golden[0][:, ::-1].copy()}, [SCORES])
    np.testing.assert_array_equal(first, kept)


def test_several_threads_may_run_one_session(session: LiteRtSession, golden: tuple[np.ndarray, np.ndarray]) -> None:
    inputs = [golden[0] + np.float32(i) * np.float32([[[1, 0]]]) * (golden[0] % 7) for i in range(8)]
    expected = [session.run({POINTS: points}, [SCORES])[0] for points in inputs]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda points: session.run({POINTS: points}, [SCORES])[0], inputs * 5))
    for answer, wanted in zip(answers, expected * 5, strict=True):
        np.testing.assert_array_equal(answer, wanted)


@pytest.mark.parametrize("damage", [b"", b"TFL3", b"not a model at all" * 10])
def test_what_is_no_model_is_refused(damage: bytes) -> None:
    with pytest.raises(ModelError) as refused:
        LiteRtSession(memoryview(damage), device="CPU", threads=1)
    assert refused.value.code == "model.load"


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_truncated_model_is_refused(part: float, model: bytes) -> None:
    with pytest.raises(ModelError) as refused:
        LiteRtSession(memoryview(model[: int(len(model) * part)]), device="CPU", threads=1)
    assert refused.value.code == "model.load"


@pytest.mark.parametrize(
    ("feeds", "outputs"),
    [
        ({POINTS: np.zeros((1, 146, 2), np.float32)}, ["z"]),
        ({"z": np.zeros((1, 146, 2), np.float32)}, [SCORES]),
        ({POINTS: np.zeros((1, 100, 2), np.float32)}, [SCORES]),
        ({POINTS: np.zeros((1, 146, 2), np.float64)}, [SCORES]),
    ],
    ids=["unknown output", "unknown input", "wrong shape", "wrong dtype"],
)
def test_a_run_that_cannot_be_is_a_model_error(
    feeds: dict[str, np.ndarray], outputs: list[str], session: LiteRtSession
) -> None:
    with pytest.raises(ModelError) as refused:
        session.run(feeds, outputs)
    assert refused.value.code == "model.run"


def test_a_device_that_is_not_there_is_refused(model: bytes) -> None:
    with pytest.raises(DeviceError) as refused:
        LiteRtSession(memoryview(model), device="NPU", threads=1)
    assert refused.value.code == "device.absent"


def test_without_the_package_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[litert\]'"):
        LiteRtSession.devices()


# A delegate as a device's maker would ship it, by the interface of LiteRT's external delegates. It takes the whole
# network and fails when it is run; told so, it takes nothing, or is not made at all.
_DELEGATE = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct context;
struct delegate;
struct registration {
  void *(*init)(struct context *, const char *, size_t);
  void (*free)(struct context *, void *);
  int (*prepare)(struct context *, void *);
  int (*invoke)(struct context *, void *);
  const char *(*profiling)(const struct context *, const void *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *rest[16];
};
struct context {
  size_t tensors_size;
  int (*plan)(struct context *, void **);
  void *tensors, *impl, *resize, *report, *add, *node;
  int (*replace)(struct context *, struct registration, const void *, struct delegate *);
};
struct delegate {
  void *data;
  int (*prepare)(struct context *, struct delegate *);
  void *rest[8];
};

static int take_nothing(struct context *context, struct delegate *self) { (void)context; (void)self; return 0; }
static int ready(struct context *context, void *node) { (void)context; (void)node; return 0; }
static int fail(struct context *context, void *node) { (void)context; (void)node; return 1; }
static int take_all(struct context *context, struct delegate *self) {
  struct registration kernel = {.prepare = ready, .invoke = fail, .custom_name = "toy", .version = 1};
  void *plan = NULL;
  return context->plan(context, &plan) || context->replace(context, kernel, plan, self);
}

void *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  struct delegate *made = calloc(1, sizeof *made);
  made->prepare = take_all;
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(keys[i], "take") == 0 && strcmp(values[i], "nothing") == 0) made->prepare = take_nothing;
    if (strcmp(keys[i], "make") == 0) {
      report("the driver is too old");
      free(made);
      return NULL;
    }
  }
  return made;
}
void tflite_plugin_destroy_delegate(void *made) { free(made); }
"""


@pytest.fixture(scope="module")
def delegate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("delegate")
    (folder / "toy.c").write_text(_DELEGATE)
    library = folder / "libtoy_delegate.so"
    subprocess.run([compiler, "-shared", "-fPIC", folder / "toy.c", "-o", library], check=True)
    return library


def test_a_delegate_gets_the_network(model: bytes, delegate: Path, golden: tuple[np.ndarray, np.ndarray]) -> None:
    loaded = LiteRtSession(memoryview(model), device=str(delegate), threads=1)
    assert loaded.device == str(delegate)
    with pytest.raises(ModelError, match="LiteRT failed"):  # as this delegate does, so it was really asked
        loaded.run({POINTS: golden[0]}, [SCORES])


def test_a_delegate_that_takes_nothing_is_no_device(model: bytes, delegate: Path) -> None:
    with pytest.raises(DeviceError, match=r"takes none of the network's \d+ operators"):
        LiteRtSession(memoryview(model), device=f"{delegate}?take=nothing", threads=1)


def test_what_a_delegate_says_of_its_options_is_told(delegate: Path) -> None:
    with pytest.raises(DeviceError, match="the driver is too old") as refusal:
        LiteRtSession(memoryview(b""), device=f"{delegate}?make=no", threads=1)
    assert refusal.value.code == "device.delegate"


def test_a_missing_delegate_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"no delegate at .*libvx\.so") as refusal:
        LiteRtSession(memoryview(b""), device=str(tmp_path / "libvx.so"), threads=1)
    assert "the path of a LiteRT delegate" in refusal.value.advice


def test_a_library_that_is_no_delegate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("not a library")
    for library in (str(tmp_path / "text.so"), ctypes.util.find_library("m") or "libm.so.6"):
        path = library if "/" in library else next(str(p) for p in Path("/usr/lib").rglob(library))
        with pytest.raises(DeviceError, match="cannot load the delegate"):
            LiteRtSession(memoryview(b""), device=path, threads=1)


def test_a_delegate_is_asked_for_by_its_path(mediapipe_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"no delegate at .*libvx\.so"):
        mien.open(mediapipe_bundle, device=f"litert:{tmp_path}/libvx.so")
