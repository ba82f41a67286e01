"""python -m export: nothing twice, nothing half, and the bundle of before survives whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Command

SMILE = ("smile_recipe.py", "--from", "smile.pt")


def test_a_second_export_with_nothing_changed_does_nothing(command: Command, desk: Path, tmp_path: Path) -> None:
    out = tmp_path / "smile.mien"
    asked = (*SMILE, "--targets", "ort-cpu", "-o", str(out))
    first = command(*asked)
    assert first.returncode == 0, first.stdout + first.stderr
    before = out.stat()
    second = command(*asked)
    assert second.stdout == f"{out} is up to date.\n"
    assert out.stat().st_mtime_ns == before.st_mtime_ns
    other = command(*asked, "--targets", "ort-cpu,openvino-cpu")
    assert "up to date" not in other.stdout
    assert other.returncode == 0, other.stdout + other.stderr
    assert out.stat().st_size > before.st_size


def test_a_module_that_the_recipe_imports_counts_as_a_change(command: Command, desk: Path, tmp_path: Path) -> None:
    asked = (*SMILE, "--targets", "ort-cpu", "-o", str(tmp_path / "smile.mien"))
    assert command(*asked).returncode == 0
    text = (desk / "smile.py").read_text()
    try:
        (desk / "smile.py").write_text(text + "# another thought\n")
        assert "up to date" not in command(*asked).stdout
    finally:
        (desk / "smile.py").write_text(text)


def test_a_refused_int8_target_leaves_a_report_and_no_bundle(command: Command, desk: Path, tmp_path: Path) -> None:
    """The gate of this recipe asks for more than int8 can give."""
    strict = desk / "strict_recipe.py"
    text = (desk / "smile_recipe.py").read_text()
    limits = "limits=Limits(agreement=0.9999999), name="
    strict.write_text("from quantization.gate import Limits\n" + text.replace("name=", limits))
    out = tmp_path / "strict.mien"
    out.write_bytes(b"the one before")
    done = command(
        "strict_recipe.py", "--from", "smile.pt", "--calibration", "pictures", "--targets", "litert-int8",
        "-o", str(out),
    )  # fmt: skip
    assert done.returncode == 1
    assert "mouth[" in done.stdout
    assert "REFUSED" in done.stdout
    assert out.read_bytes() == b"the one before"
    assert (tmp_path / "strict.report" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ((), "export.source", "recipe"),
        (("nobody",), "export.recipe", "face"),
        (("nowhere.py",), "export.recipe", "nowhere.py"),
        ((*SMILE, "--targets", "abacus"), "export.unknown", "litert-cpu"),
        ((*SMILE, "--targets", "ort-cpu-int8"), "calibration.none", "--calibration"),
        ((*SMILE, "--samples", "20"), "calibration.small", "64"),
        (("--from", "nothing.onnx"), "export.source", "nothing.onnx"),
        (("--from", "smile.pt"), "export.source", ".onnx"),
        (("face", "--from", "smile.pt", "--targets", "ort-cpu"), "training.checkpoint", "smile.pt"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], code: str, word: str
) -> None:
    out = tmp_path / "out.mien"
    done = command(*arguments, "-o", str(out))
    assert done.returncode == 1
    assert f"[{code}]" in done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()


def test_a_folder_of_pictures_without_faces_is_refused(command: Command, desk: Path, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    folder = tmp_path / "walls"
    folder.mkdir()
    for k in range(3):
        cv2.imwrite(str(folder / f"{k}.png"), np.full((120, 160, 3), 40 * k, np.uint8))
    done = command("face", "--targets", "ort-cpu-int8", "--calibration", str(folder), "-o", str(tmp_path / "x.mien"))
    assert "[calibration.faces]" in done.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    done = command("face", "--targets", "ort-cpu-int8", "--calibration", str(empty), "-o", str(tmp_path / "x.mien"))
    assert "[calibration.empty]" in done.stderr


def test_a_signed_export_opens_for_those_who_trust_the_key(command: Command, tmp_path: Path) -> None:
    from mien.bundle import Bundle, new_key

    private, public = new_key()
    key, out = tmp_path / "key", tmp_path / "signed.mien"
    key.write_bytes(private)
    done = command(*SMILE, "--targets", "ort-cpu", "-o", str(out), "--key", str(key))
    assert done.returncode == 0, done.stdout + done.stderr
    with Bundle.open(out, trust=[public]) as bundle:
        assert bundle.signer == public.hex()


def test_targets_are_listed_with_what_they_are(command: Command) -> None:
    done = command("--list")
    for name in ("ort-cpu", "jetson-trt-int8", "intel-npu-int8", "litert-int8", "executorch-xnnpack", "ort-mobile"):
        assert name in done.stdout
