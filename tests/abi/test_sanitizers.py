"""The native tests again, under sanitizers: no memory error, no undefined behaviour, no data race."""

from __future__ import annotations

from pathlib import Path

import pytest
from native_build import NATIVE, cmake_build, run, tool


# Building takes about 30 s on two cores, the tests themselves a second.
@pytest.mark.parametrize("sanitizers", ["address,undefined", "thread"])
def test_the_native_tests_are_clean_under(sanitizers: str, tmp_path: Path) -> None:
    probe = tmp_path / "probe.cpp"
    probe.write_text("int main() { return 0; }\n")
    compiler = tool("c++", "g++", "clang++")
    run(compiler, f"-fsanitize={sanitizers}", probe, "-o", tmp_path / "probe")
    build = cmake_build(
        NATIVE, tmp_path / "build", "MIEN_TESTS=ON", f"MIEN_SANITIZE={sanitizers}", "CMAKE_BUILD_TYPE=RelWithDebInfo"
    )
    run(tool("ctest"), "--output-on-failure", "--no-tests=error", cwd=build)
