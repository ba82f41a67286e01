"""mien.importers.mediapipe_task: Face Landmarker's .task becomes a bundle; damaged ones are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import mien
import numpy as np
import pytest
from mien.bundle import Bundle
from mien.errors import BundleError
from mien.importers.select import import_model

NAME = "oracles/mediapipe/face_landmarker.task"
GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"


@pytest.fixture(scope="module")
def task(shared: Path) -> bytes:
    return (shared / NAME).read_bytes()


def refusal(data: bytes, tmp_path: Path) -> BundleError:
    (tmp_path / "a.task").write_bytes(data)
    with pytest.raises(BundleError) as refused:
        import_model(tmp_path / "a.task", tmp_path / "a.mien")
    assert not (tmp_path / "a.mien").exists()
    return refused.value


def repacked(task: bytes, changes: dict[str, bytes | None], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The .task with members replaced, or left out where None."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(task)) as given, zipfile.ZipFile(out, "w", compression) as made:
        for name in given.namelist():
            content = changes.get(name, given.read(name))
            if content is not None:
                made.writestr(name, content)
    return out.getvalue()


def test_the_networks_stay_as_they_are(task: bytes, mediapipe_bundle: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(task)) as archive, Bundle.open(mediapipe_bundle) as bundle:
        assert bytes(bundle.blob("litert/coefficients.tflite")) == archive.read("face_blendshapes.tflite")
        assert bytes(bundle.blob("litert/detector.tflite")) == archive.read("face_detector.tflite")
        assert bytes(bundle.blob("litert/landmarks.tflite")) == archive.read("face_landmarks_detector.tflite")


def test_the_licence_is_carried_over(shared: Path, mediapipe_bundle: Path) -> None:
    with Bundle.open(mediapipe_bundle) as bundle:
        assert bundle.manifest.licence == "Apache-2.0"
        assert "mediapipe" in bundle.manifest.source
        text = (shared / NAME).with_name("LICENSE").read_bytes()
        assert bytes(bundle.blob("licence/LICENSE")) == text
        assert bundle.manifest.root.section("licence").texts("texts") == ["licence/LICENSE"]


def test_without_a_licence_file_only_its_name_is_stated(task: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.task").write_bytes(task)
    with Bundle.open(import_model(tmp_path / "a.task", tmp_path / "a.mien")) as bundle:
        assert bundle.manifest.licence == "Apache-2.0"
        assert "licence/LICENSE" not in bundle.names()


def test_the_canonical_face_is_that_of_the_published_mesh(shared: Path, mediapipe_bundle: Path) -> None:
    lines = (shared / "mediapipe/canonical_face_model.obj").read_text().splitlines()
    published = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], float)
    with Bundle.open(mediapipe_bundle) as bundle:
        table = np.frombuffer(bytes(bundle.blob("geometry/canonical.f32")), np.float32).reshape(-1, 4)
    np.testing.assert_allclose(table[:, :3], published, atol=1e-4)
    assert np.count_nonzero(table[:, 3]) > 10


def test_equal_files_give_equal_bundles(task: bytes, mediapipe_bundle: Path, shared: Path, tmp_path: Path) -> None:
    again = import_model(shared / NAME, tmp_path / "again.mien")
    assert again.read_bytes() == mediapipe_bundle.read_bytes()


def test_a_bundle_can_be_signed_when_imported(shared: Path, tmp_path: Path) -> None:
    from mien.bundle import new_key

    private, public = new_key()
    path = import_model(shared / NAME, tmp_path / "a.mien", key=private)
    with Bundle.open(path, trust=[public]) as bundle:
        assert bundle.signer == public.hex()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"not a zip" * 100])
def test_what_is_no_zip_is_refused(data: bytes, tmp_path: Path) -> None:
    assert refusal(data, tmp_path).code == "import.damaged"


@pytest.mark.parametrize("part", [0.01, 0.5, 0.9999])
def test_a_truncated_file_is_refused(part: float, task: bytes, tmp_path: Path) -> None:
    assert refusal(task[: int(len(task) * part)], tmp_path).code == "import.damaged"


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_file_is_refused(place: float, task: bytes, tmp_path: Path) -> None:
    data = bytearray(task)
    at = int(len(task) * place)
    data[at : at + 16] = bytes(16) if any(data[at : at + 16]) else b"\xff" * 16
    assert refusal(bytes(data), tmp_path).code == "import.damaged"


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_compressed_member_is_refused(compression: int, task: bytes, tmp_path: Path) -> None:
    data = bytearray(repacked(task, {}, compression))
    for at in range(10_000, len(data) - 10_000, 50_000):
        data[at : at + 8] = b"\xff" * 8
    assert refusal(bytes(data), tmp_path).code == "import.damaged"


@pytest.mark.parametrize(
    "member", ["face_detector.tflite", "face_landmarks_detector.tflite", "face_blendshapes.tflite", GEOMETRY]
)
def test_a_missing_member_is_named(member: str, task: bytes, tmp_path: Path) -> None:
    refused = refusal(repacked(task, {member: None}), tmp_path)
    assert refused.code == "import.content"
    assert member in refused.message


def test_another_zip_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hand_detector.tflite", b"TFL3")
    assert refusal(out.getvalue(), tmp_path).code == "import.content"


@pytest.mark.parametrize("geometry", [b"", b"\xff" * 50, b"\x0a\xff\xff\x03", b"\x00" * 9, b"\x0a\x02\x1a\x00"])
def test_a_geometry_that_describes_no_face_is_refused(geometry: bytes, task: bytes, tmp_path: Path) -> None:
    assert refusal(repacked(task, {GEOMETRY: geometry}), tmp_path).code == "import.damaged"


def test_a_member_beyond_all_bounds_is_refused_unread(task: bytes, tmp_path: Path) -> None:
    bomb = repacked(task, {"face_detector.tflite": bytes(65 << 20)}, zipfile.ZIP_DEFLATED)
    assert refusal(bomb, tmp_path).code == "import.oversized"


def test_a_network_that_is_no_network_is_refused_when_opened(task: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.task").write_bytes(repacked(task, {"face_blendshapes.tflite": b"TFL3" * 100}))
    path = import_model(tmp_path / "a.task", tmp_path / "a.mien")
    with pytest.raises(mien.DeviceError, match=r"model\.load"):
        mien.open(path)
