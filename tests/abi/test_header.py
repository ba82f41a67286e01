"""The C interface from outside: the header compiles as C and C++, the library exports it and nothing else, and a C
program gets the bytes that Python gets."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mien import _native
from native_build import NATIVE, ROOT, cmake_build, run, tool

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
HEADERS = NATIVE / "include/mien"
HEADER = HEADERS / "mien.h"


@pytest.mark.parametrize("compilers", [("gcc", "g++"), ("clang", "clang++")])
@pytest.mark.parametrize(
    ("file", "standard"), [("header_c11.c", "c11"), ("header_c11.c", "c17"), ("header_cxx17.cpp", "c++17")]
)
def test_the_header_compiles_alone(file: str, standard: str, compilers: tuple[str, str], tmp_path: Path) -> None:
    compiler = tool(compilers["++" in standard])
    source = NATIVE / "tests" / file
    run(compiler, f"-std={standard}", *WARNINGS, "-I", HEADER.parents[1], "-c", source, "-o", tmp_path / "header.o")


@pytest.mark.parametrize("header", sorted(path.name for path in HEADERS.glob("*.h")))
@pytest.mark.parametrize(("language", "standard"), [("c", "c11"), ("c++", "c++17")])
def test_each_header_compiles_first_and_alone(header: str, language: str, standard: str, tmp_path: Path) -> None:
    source = tmp_path / f"alone.{language.replace('+', 'p')}"
    source.write_text(f'#include "mien/{header}"\nint alone(void);\nint alone(void) {{ return (int)MIEN_OK; }}\n')
    compiler = tool("cc", "gcc", "clang")
    run(compiler, f"-std={standard}", "-x", language, *WARNINGS, "-I", HEADER.parents[1], "-fsyntax-only", source)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C samples and the shared library, built."""
    return cmake_build(ROOT / "samples" / "c", tmp_path_factory.mktemp("samples"), "CMAKE_BUILD_TYPE=Release")


@pytest.mark.parametrize(("width", "height"), [(640, 480), (100, 258)])
def test_a_c_program_gets_the_bytes_that_python_gets(samples: Path, tmp_path: Path, width: int, height: int) -> None:
    rng = np.random.default_rng(width)
    luma = rng.integers(0, 256, (height, width), dtype=np.uint8)
    chroma = rng.integers(0, 256, (height // 2, width), dtype=np.uint8)
    frame = tmp_path / "frame.nv12"
    frame.write_bytes(luma.tobytes() + chroma.tobytes())
    printed = run(samples / "nv12_tensor", frame, str(width), str(height))

    side = min(width, height)
    scale = side / 128
    affine = np.array(
        [[scale, 0, (width - side) / 2 + (scale - 1) / 2], [0, scale, (height - side) / 2 + (scale - 1) / 2]]
    )
    spec = _native.TensorSpec(128, 128, "float32", "nchw", "rgb", "replicate", [1 / 127.5] * 3, [-1.0] * 3)
    out = np.empty(spec.shape, np.float32)
    _native.image_to_tensor(_native.Image("nv12", width, height, [luma, chroma]), affine, spec, out)
    checksum = 0xCBF29CE484222325
    for byte in out.tobytes():
        checksum = ((checksum ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    assert printed.split() == ["bytes", str(out.nbytes), "checksum", f"{checksum:016x}"]


def test_the_library_exports_the_header_and_nothing_else(samples: Path) -> None:
    library = next((samples / "native").glob("libmien.so"))
    symbols = run(tool("nm"), "-D", "--defined-only", library).split("\n")
    exported = {line.split()[-1] for line in symbols if line.strip()}
    declared: set[str] = set()
    for header in HEADERS.glob("*.h"):
        plain = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        declared |= set(re.findall(r"^MIEN_API .*?\b(mien_\w+)\(", plain, flags=re.M))
    assert exported == declared
    # A program linked today must run with the library of tomorrow: what is exported changes with an edit of this list.
    assert sorted(exported) == (NATIVE / "abi.txt").read_text().split()


def test_an_installed_library_is_found_by_cmake(samples: Path, tmp_path: Path) -> None:
    cmake = tool("cmake")
    run(cmake, "--install", samples / "native", "--prefix", tmp_path / "installed")
    build = cmake_build(ROOT / "samples" / "c", tmp_path / "build", f"CMAKE_PREFIX_PATH={tmp_path / 'installed'}")
    assert (build / "nv12_tensor").is_file()
    assert not (build / "native").exists()


def test_versions_agree() -> None:
    define = re.search(r"MIEN_ABI_VERSION (\d+)u", HEADER.read_text())
    assert define is not None
    assert _native.abi_version() == int(define[1])
    assert _native.version() == re.search(r"project\(mien VERSION ([\d.]+)", (NATIVE / "CMakeLists.txt").read_text())[1]  # type: ignore[index]
