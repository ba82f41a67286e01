"""Builds parts of native/ with the system's compiler and CMake, for the tests beside this file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"


def tool(*names: str) -> str:
    """The first of these programs that is installed; the test is skipped, and says so, if none is."""
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return found
    pytest.skip(f"needs {' or '.join(names)}")


def run(*command: str | Path, cwd: Path | None = None, seconds: float = 600) -> str:
    """The output of a program that must succeed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


def cmake_build(source: Path, build: Path, *settings: str) -> Path:
    """Configures and builds; returns the build folder."""
    cmake = tool("cmake")
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    run(cmake, "-S", source, "-B", build, *generator, *(f"-D{setting}" for setting in settings))
    run(cmake, "--build", build, "--parallel", "2")
    return build
