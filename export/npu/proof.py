"""The NPU proof: can Intel's NPU compiler take this model? Model -> compile.exe under Wine -> blob and `Result`.

It proves compilability, not speed or accuracy: no NPU runs here, and nothing reads the blob. Only OpenVINO's Windows
wheel carries the compiler, so this file owns that wheel's libraries, the small program of compile.c that calls them,
and a Wine prefix of its own, all below one folder that may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

PLATFORMS = ("NPU4000", "NPU3720")  # Core Ultra 200V (Lunar Lake), Core Ultra 100 and 200 (Meteor and Arrow Lake)
FOLDER = Path(__file__).resolve().parents[2] / "out" / "npu"

_WHEEL = "openvino==2026.4.1"
_SOURCE = Path(__file__).with_name("compile.c")
_CC = "x86_64-w64-mingw32-gcc"
_APT = "apt-get install -y --no-install-recommends"


@dataclass(frozen=True)
class Result:
    """What the compiler said of one model for one platform.

    Attributes:
        platform: such as one of `PLATFORMS`.
        ok: the model was compiled, and the blob was written.
        seconds: the compilation alone, without Wine's start; 0 if it failed.
        bytes: the size of the blob; 0 if it failed.
        error: the compiler's or the tool chain's own words, in one line; empty if it was compiled.
    """

    platform: str
    ok: bool
    seconds: float = 0
    bytes: int = 0
    error: str = ""


def available() -> str | None:
    """None if the tools are here (`fetch` brings the rest), else what is missing and the command to get it."""
    if _wine() is None:
        return f"Wine is missing: {_APT} wine64"
    if shutil.which(_CC) is None:
        return f"{_CC} is missing: {_APT} gcc-mingw-w64-x86-64"
    return None


def fetch(folder: Path) -> Path:
    """Downloads and unpacks the wheel, 85 MB, unless it is there; returns its `openvino` folder.

    Raises:
        RuntimeError: pip could not get the wheel.
    """
    package = _openvino(folder)
    if package.is_dir():
        return package
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        # the version of Python only picks the file, so it is always the same one
        choice = ("--platform", "win_amd64", "--python-version", "3.11", "--only-binary", ":all:")
        _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *choice, "--dest", name, _WHEEL)
        (wheel,) = Path(name).glob("*.whl")
        unpacked = Path(name, "unpacked")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        unpacked.rename(package.parent)  # last, so that a folder that is there is a whole one
    return package


def build(folder: Path) -> Path:
    """Builds compile.exe in the folder that `fetch` filled, if it is older than its source; returns its path.

    Raises:
        RuntimeError: the compiler refused the source, or the wheel is not there.
    """
    exe, package = folder / "compile.exe", _openvino(folder)
    if not exe.exists() or exe.stat().st_mtime < _SOURCE.stat().st_mtime:
        flags = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", package / "include")
        _run(_CC, *flags, _SOURCE, package / "libs" / "openvino_c.lib", "-o", exe)
    return exe


def compile_model(exe: Path, model: Path, platform: str, blob: Path, timeout_s: float = 300) -> Result:
    """Compiles a model for a platform and writes the blob; whatever goes wrong is in the result.

    Args:
        exe: from `build`, in the folder that `fetch` filled.
        model: .xml with its .bin beside it, or .onnx; its file name is in ASCII, as the C API wants it.
        platform: such as one of `PLATFORMS`.
        blob: is overwritten; not there if the compilation failed.
        timeout_s: for all of it; the first run in a folder also makes the Wine prefix, 5 s.
    """
    wine = _wine()
    if wine is None:
        return Result(platform, False, error=str(available()))
    try:
        blob.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=exe.parent) as name:
            work = Path(name)
            # short relative paths, since the C API opens none with an accent or such in a folder's name
            (work / "model").symlink_to(model.parent.resolve())
            command = (wine, exe.resolve(), f"model\\{model.name}", platform, "out.blob")
            # files, not pipes: Wine's services outlive the program, and hold a pipe open
            with (work / "out").open("wb") as out, (work / "log").open("wb") as log:
                env = _environment(exe.parent)
                done = subprocess.run(command, cwd=work, stdout=out, stderr=log, env=env, timeout=timeout_s)
            result = _parse(platform, done.returncode, _text(work / "out"), _text(work / "log"))
            if result.ok:
                blob.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(work / "out.blob", blob)
            return result
    except subprocess.TimeoutExpired:
        return Result(platform, False, error=f"no answer within {timeout_s:g} s")
    except OSError as error:
        return Result(platform, False, error=str(error))


def _parse(platform: str, code: int, out: str, log: str) -> Result:
    """The answer of compile.exe: its last line is JSON, which lines of the compiler may precede."""
    lines = out.splitlines()
    try:
        answer = json.loads(lines[-1])
        if answer["ok"] and code == 0:
            return Result(platform, True, float(answer["seconds"]), int(answer["bytes"]))
        message = str(answer["error"]).splitlines()
    except (IndexError, ValueError, KeyError, TypeError):
        message = [f"compile.exe ended with {code} and without an answer", *log.splitlines()[-3:]]
    # the compiler prints its reason alone: "[ERROR] 02:14:15.942 [vpux-compiler] UnrollExpandDMA Pass failed : ..."
    reasons = [line.split(" ", 2)[-1] for line in lines if line.startswith("[ERROR]")]
    # of OpenVINO's message the first lines are places in its source
    reasons += [line for line in message if line.strip() and not line.startswith("Exception from")]
    return Result(platform, False, error="; ".join(reasons) or "the compiler gave no reason")


def _wine() -> str | None:
    """Debian's package wine64 alone puts its program outside of the PATH."""
    return shutil.which("wine64") or shutil.which("wine") or shutil.which("wine64", path="/usr/lib/wine")


def _openvino(folder: Path) -> Path:
    return folder / _WHEEL.replace("==", "-") / "openvino"


def _windows(path: Path) -> str:
    """The path as a Windows program sees it; Wine shows / as Z:."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _environment(folder: Path) -> dict[str, str]:
    own = {
        "WINEPREFIX": str((folder / "prefix").resolve()),
        "WINEDEBUG": "-all",
        "WINEPATH": _windows(_openvino(folder) / "libs"),
        # no offer to download Mono and Gecko, no entries in the user's menus
        "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d",
        "LC_ALL": "C.UTF-8",  # the encoding in which Wine reads paths
    }
    return {name: value for name, value in os.environ.items() if name != "DISPLAY"} | own


def _run(*command: str | Path) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise RuntimeError(f"{command[0]} is not installed.") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{command[0]} failed: {error.stderr.strip()[-2000:]}") from error
