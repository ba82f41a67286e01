"""The package mien: cheap to import, names found when used."""

from __future__ import annotations

import subprocess
import sys

import mien
import pytest

HEAVY = ("torch", "openvino", "cv2", "onnxruntime", "ai_edge_litert", "matplotlib", "cryptography", "typer", "rich")


def loaded_after(code: str) -> set[str]:
    listing = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_no_engine_and_no_optional_package() -> None:
    assert not loaded_after("import mien") & set(HEAVY)


def test_import_loads_not_even_numpy_before_a_name_is_used() -> None:
    assert "numpy" not in loaded_after("import mien")


def test_frames_need_no_engine() -> None:
    assert not loaded_after("import mien; mien.Frame; mien.FaceState; mien.Hold") & set(HEAVY)


def test_opening_an_address_loads_only_what_it_needs() -> None:
    code = "from mien import registry; [registry.names(f) for f in ('backends', 'sources', 'sinks', 'tasks')]"
    assert not loaded_after(code) & set(HEAVY)


@pytest.mark.parametrize("name", mien.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(mien, name) is not None


def test_dir_lists_the_public_names() -> None:
    assert dir(mien) == sorted(mien.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="opened"):
        _ = mien.opened


def test_the_version_is_that_of_the_native_core() -> None:
    from mien import _native

    assert _native.version() == mien.__version__


def test_a_host_that_configures_no_logging_reads_nothing_on_stderr() -> None:
    program = "import mien, logging; logging.getLogger('mien').warning('unheard')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
