"""The renderer: landmarks land on the person, nothing is seen through another thing, scenes repeat their bytes."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from training.paths import ROOT
from training.performer.coefficients import INDEX
from training.performer.head import Head, random_identity
from training.performer.landmarks import CROP
from training.performer.mesh import Mesh
from training.performer.renderer import Picture, Renderer
from training.performer.scene import Scene, random_scene, rotation
from training.performer.skin import Skin, random_skin

pytestmark = pytest.mark.shared

F32 = npt.NDArray[np.float32]
Person = tuple[Head, Skin]


@pytest.fixture(scope="module")
def person() -> Person:
    rng = np.random.default_rng(6)
    return Head(random_identity(rng)), random_skin(rng)


def scene(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, seed: int = 0) -> Scene:
    return random_scene(np.random.default_rng(seed), rotation(yaw, pitch, roll))


def picture(
    renderer: Renderer, person: Person, where: Scene, worn: list[Mesh] | None = None, **values: float
) -> Picture:
    head, skin = person
    coefficients = np.zeros(57, np.float32)
    for name, value in values.items():
        coefficients[INDEX[name]] = value
    posed = head.pose(coefficients)
    return renderer.render(head, skin, posed, head.limited(coefficients), where, worn or [])


def wall(low: tuple[float, float], high: tuple[float, float], z: float) -> Mesh:
    """An upright rectangle before the face."""
    corners = [[x, y, z] for x, y in (low, (high[0], low[1]), high, (low[0], high[1]))]
    colour = np.tile(np.float32([0.2, 0.6, 0.2, 1]), (4, 1))
    return Mesh(np.float32(corners), np.int32([[0, 1, 2], [0, 2, 3]]), colour)


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.6, 0.2, 0.3), (-0.9, -0.3, -0.2)])
def test_landmarks_that_are_seen_lie_on_the_person(
    renderer: Renderer, person: Person, turn: tuple[float, float, float]
) -> None:
    got = picture(renderer, person, scene(*turn), jawOpen=0.3)
    assert got.colour.shape == (renderer.size, renderer.size, 4)
    assert np.isfinite(got.colour).all()
    at = np.rint(got.points[got.seen]).astype(int)
    assert (got.colour[at[:, 1], at[:, 0], 3] > 0).mean() > 0.98
    assert got.seen.sum() > 100
    # the hull of all landmarks is in the middle, and as large as the framing says
    low, high = got.points.min(0), got.points.max(0)
    np.testing.assert_allclose((low + high) / 2, (renderer.size - 1) / 2, atol=0.01)
    assert (high - low).max() == pytest.approx(renderer.size / (1.25 * CROP), abs=0.01)


def test_a_turned_head_hides_its_far_side(renderer: Renderer, person: Person) -> None:
    got = picture(renderer, person, scene(yaw=1.1))
    assert got.seen[0:5].sum() > got.seen[12:17].sum()  # the nose to the picture's right shows the subject's right
    assert not got.seen[14:17].any()


def test_the_gaze_is_turned_with_the_head(renderer: Renderer, person: Person) -> None:
    where = scene(yaw=0.4)
    got = picture(renderer, person, where, eyeLookUpLeft=0.5)
    in_head = got.gaze @ where.rotation
    assert in_head[0, 1] > 0.2
    np.testing.assert_allclose(in_head[1], [0, 0, 1], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(got.gaze, axis=1), 1, atol=1e-5)


def test_the_same_scene_is_the_same_bytes_whatever_came_before(renderer: Renderer, person: Person) -> None:
    rng = np.random.default_rng(9)
    first = picture(renderer, person, scene(seed=3), jawOpen=0.2)
    picture(renderer, (Head(random_identity(rng)), random_skin(rng)), scene(seed=4), [wall((-9, -9), (9, 9), 14)])
    again = picture(renderer, person, scene(seed=3), jawOpen=0.2)
    assert first.colour.tobytes() == again.colour.tobytes()
    assert np.array_equal(first.seen, again.seen)


def test_what_lies_behind_an_occluder_is_not_seen(renderer: Renderer, person: Person) -> None:
    bare = picture(renderer, person, scene())
    covered = picture(renderer, person, scene(), [wall((-14, -16), (14, -1), 16)])  # over mouth and jaw
    assert np.array_equal(bare.points, covered.points)
    assert bare.seen[48:68].mean() > 0.7
    assert not covered.seen[48:68].any()
    assert not covered.seen[6:11].any()
    assert np.array_equal(covered.seen[17:27], bare.seen[17:27])  # the brows
    mouth = np.rint(covered.points[66]).astype(int)
    assert covered.colour[mouth[1], mouth[0], 1] > covered.colour[mouth[1], mouth[0], 0]


def test_a_picture_changes_with_expression_skin_and_light(renderer: Renderer, person: Person) -> None:
    base = picture(renderer, person, scene(seed=1)).colour
    head, skin = person
    other = random_skin(np.random.default_rng(77))
    for changed in (
        picture(renderer, person, scene(seed=1), mouthSmileLeft=1, mouthSmileRight=1),
        picture(renderer, (head, other), scene(seed=1)),
        picture(renderer, (head, skin), scene(seed=2)),
    ):
        assert np.abs(changed.colour - base).mean() > 1e-3


def test_without_egl_the_error_says_what_to_install(shared: object) -> None:
    code = (
        "from training.errors import TrainingError\nfrom training.performer.renderer import Renderer\n"
        "try:\n    Renderer(32)\nexcept TrainingError as error:\n    print(error.code, error.advice)"
    )
    broken = {**os.environ, "__EGL_VENDOR_LIBRARY_DIRS": "/nowhere", "PYTHONPATH": os.pathsep.join(["sdk", "."])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=broken, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.startswith("render.no_egl Install the libraries"), done.stderr
