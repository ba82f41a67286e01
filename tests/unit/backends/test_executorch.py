"""mien.backends.executorch: .pte programs, their tensors named by position."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from mien.backends.executorch import ExecuTorchSession
from mien.errors import DeviceError, ModelError
from torch import Tensor, nn


class Two(nn.Module):
    """Two outputs of two inputs."""

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return a + b, a * 2


@pytest.fixture(scope="module")
def program() -> bytes:
    from export.targets.executorch_xnnpack import lowered

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lowered(torch.export.export(Two(), (torch.rand(1, 3), torch.rand(1, 3))))


@pytest.fixture(scope="module")
def session(program: bytes) -> ExecuTorchSession:
    return ExecuTorchSession(memoryview(program), device="CPU", threads=1)


def test_tensors_are_named_by_position(session: ExecuTorchSession) -> None:
    assert session.inputs == {"input_0": (1, 3), "input_1": (1, 3)}
    assert session.outputs == {"output_0": (1, 3), "output_1": (1, 3)}


def test_it_computes(session: ExecuTorchSession) -> None:
    a, b = np.float32([[1, 2, 3]]), np.float32([[10, 20, 30]])
    twice, total = session.run({"input_1": b, "input_0": a}, ["output_1", "output_0"])
    np.testing.assert_array_equal(twice, 2 * a)
    np.testing.assert_array_equal(total, a + b)
    session.run({"input_0": b, "input_1": b}, ["output_0"])
    np.testing.assert_array_equal(total, a + b)


def test_what_is_no_program_is_refused() -> None:
    with pytest.raises(ModelError) as refused:
        ExecuTorchSession(memoryview(b"not a program at all" * 10), device="CPU", threads=1)
    assert refused.value.code == "model.load"


def test_a_run_that_cannot_be_is_a_model_error(session: ExecuTorchSession) -> None:
    with pytest.raises(ModelError) as refused:
        session.run({"input_0": np.zeros((1, 3), np.float32)}, ["output_0"])
    assert refused.value.code == "model.run"


def test_another_device_and_options_are_refused(program: bytes) -> None:
    with pytest.raises(DeviceError):
        ExecuTorchSession(memoryview(program), device="GPU", threads=1)
    with pytest.raises(ModelError) as refused:
        ExecuTorchSession(memoryview(program), device="CPU", threads=1, options={"a": "b"})
    assert refused.value.code == "model.options"


_POOL = """
import sys
from mien.backends.executorch import ExecuTorchSession
program = memoryview(open(sys.argv[1], "rb").read())
for threads in (3, 1):
    ExecuTorchSession(program, device="CPU", threads=threads)
    from executorch.extension.pybindings import portable_lib
    print(portable_lib._threadpool_get_thread_count())
"""


def test_the_first_session_sets_the_threads_of_the_process_and_nothing_is_printed(
    program: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a.pte").write_bytes(program)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _POOL, str(tmp_path / "a.pte")], capture_output=True, text=True
    )
    assert done.stdout.split() == ["3", "3"]
    assert done.stderr == ""
