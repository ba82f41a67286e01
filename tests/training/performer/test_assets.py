"""The face model: read from the packed file or from upstream's OBJ files, refused when it is not whole."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from mien.layouts import ARKIT52

from training.errors import TrainingError
from training.performer.assets import VERTICES, facekit, load

pytestmark = pytest.mark.shared
PACKED = "ict_facekit/ict_facekit_f16.npz"


def test_the_model_has_a_shape_for_every_coefficient_but_the_tongue() -> None:
    kit = facekit()
    assert kit.expressions.shape == (len(ARKIT52), VERTICES, 3)
    reach = np.linalg.norm(kit.expressions, axis=2).max(1)
    assert reach[ARKIT52.index("tongueOut")] == 0
    others = np.delete(reach, ARKIT52.index("tongueOut"))
    assert 0.05 < others.min() < others.max() < 6  # centimetres


def test_sides_are_the_subjects_own_and_left_is_plus_x() -> None:
    kit = facekit()
    eyes = kit.neutral[kit.landmarks[[36, 45]], 0]
    assert eyes[0] < 0 < eyes[1]
    for side, sign in (("Left", 1), ("Right", -1)):
        moved = np.linalg.norm(kit.expressions[ARKIT52.index(f"mouthSmile{side}")], axis=1)
        assert sign * np.average(kit.neutral[:, 0], weights=moved) > 1


def test_triangles_and_regions_cover_the_mesh() -> None:
    kit = facekit()
    assert kit.triangles.shape == kit.triangle_uv.shape == (len(kit.material), 3)
    assert 0 <= kit.triangles.min() <= kit.triangles.max() < VERTICES
    assert kit.triangle_uv.max() < len(kit.uv)
    assert kit.material.max() < len(kit.material_names)
    both = kit.vertices_of("eyeball_L", "eyeball_R")
    assert set(both) == {*kit.vertices_of("eyeball_L"), *kit.vertices_of("eyeball_R")}
    assert sum(len(kit.vertices_of(name)) for name in kit.region_names) == VERTICES


def write_obj(path: Path, vertices: npt.NDArray[np.float32], rest: str = "") -> None:
    lines = [f"v {x} {y} {z}" for x, y, z in np.round(vertices.astype(float), 5).tolist()]
    path.write_text("\n".join(lines) + "\n" + rest, "utf-8")


@pytest.fixture(scope="module")
def checkout(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout like upstream's; all expressions but two and all identities share one file each, to be quick."""
    root = tmp_path_factory.mktemp("upstream")
    folder = root / "FaceXModel"
    folder.mkdir()
    with np.load(shared / PACKED) as raw:
        neutral = raw["neutral"].astype(np.float32)
        names = [str(name) for name in raw["expression_names"]]
        deltas = {name: raw["expression_deltas"][names.index(name)] for name in ("jawOpen", "browInnerUp_L")}
        materials, faces = [str(name) for name in raw["material_names"]], raw["faces"]
        corners, uv, identity = raw["faces_uv"], raw["uv"], raw["identity_deltas"][0]
        used, landmarks = raw["face_material"], raw["landmarks_mpie68"]
    lines = [f"vt {u} {v}" for u, v in uv.astype(float).tolist()]
    last = -1
    for quad, corner, material in zip(faces.tolist(), corners.tolist(), used.tolist(), strict=True):
        if material != last:
            lines.append(f"usemtl {materials[material]}")
            last = material
        count = 3 if quad[2] == quad[3] else 4
        lines.append("f " + " ".join(f"{quad[k] + 1}/{corner[k] + 1}" for k in range(count)))
    write_obj(folder / "generic_neutral_mesh.obj", neutral, "\n".join(lines))
    write_obj(folder / "identity000.obj", neutral + identity)
    write_obj(folder / "jawOpen.obj", neutral + deltas["jawOpen"])
    write_obj(folder / "browInnerUp_L.obj", neutral + deltas["browInnerUp_L"])
    for name in names:
        if name not in deltas:
            (folder / f"{name}.obj").symlink_to("jawOpen.obj")
    (folder / "vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": landmarks.tolist()}), "utf-8")
    return root


def test_a_checkout_gives_what_the_packed_file_gives(checkout: Path) -> None:
    ours, packed = load(checkout), facekit()
    np.testing.assert_allclose(ours.neutral, packed.neutral, atol=1e-4)
    jaw = ARKIT52.index("jawOpen")
    np.testing.assert_allclose(ours.expressions[jaw], packed.expressions[jaw], atol=1e-4)
    np.testing.assert_allclose(ours.identities[0], packed.identities[0], atol=1e-4)
    for name in ("triangles", "triangle_uv", "region", "landmarks"):
        assert np.array_equal(getattr(ours, name), getattr(packed, name)), name
    assert ours.region_names == packed.region_names
    of_triangle = [np.array(kit.material_names)[kit.material] for kit in (ours, packed)]
    assert np.array_equal(*of_triangle)


def test_an_incomplete_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        load(tmp_path)
    assert caught.value.code == "asset.damaged"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        load(tmp_path / "none.npz")
    assert caught.value.code == "asset.missing"


def damages(whole: bytes) -> dict[str, bytes]:
    """Files that are no whole model."""
    row, small = io.BytesIO(), io.BytesIO()
    np.save(row, np.zeros(3))
    np.savez(small, neutral=np.zeros((4, 3)))
    flipped = bytearray(whole)
    middle = len(whole) // 2
    flipped[middle : middle + 64] = bytes(64)
    return {
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "no zip": b"not a model at all",
        "altered": bytes(flipped),
        "another array": row.getvalue(),
        "other arrays": small.getvalue(),
    }


@pytest.mark.parametrize("kind", ["empty", "cut", "no zip", "altered", "another array", "other arrays"])
def test_a_damaged_file_is_refused(shared: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(damages((shared / PACKED).read_bytes())[kind])
    with pytest.raises(TrainingError, match=r"model\.npz") as caught:
        load(path)
    assert caught.value.code == "asset.damaged"
