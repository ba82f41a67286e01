"""The renderer: landmarks land on the person, nothing is seen through another thing, scenes repeat their bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from training.paths import ROOT
from training.performer import tongue
from training.performer.assets import facekit
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


def left_and_right(renderer: Renderer, plain: Picture, changed: Picture) -> tuple[float, float]:
    """How much the subject's left and right half of a frontal face changed."""
    middle = round(float(plain.points[27:31, 0].mean()))
    change = np.abs(changed.colour[..., :3] - plain.colour[..., :3]).sum(2)
    return float(change[:, middle + 1 :].sum()), float(change[:, :middle].sum())


# The mesh stays at rest, so that what changes is what is drawn on it.
@pytest.mark.parametrize("name", ["browOuterUp", "eyeSquint", "cheekSquint", "mouthSmile", "mouthDimple", "noseSneer"])
def test_one_side_s_creases_are_drawn_on_that_side_only(renderer: Renderer, person: Person, name: str) -> None:
    head, skin = person
    posed, where = head.pose(np.zeros(57, np.float32)), scene(seed=5)
    where = replace(where, shadow=0.0)

    def creased(side: str) -> Picture:
        weights = np.zeros(52, np.float32)
        if side:
            weights[INDEX[name + side]] = 1
        return renderer.render(head, replace(skin, wrinkles=1.0), posed, weights, where, [])

    plain = creased("")
    left, other = left_and_right(renderer, plain, creased("Left"))
    assert left > 1
    assert other < 0.01 * left
    other, right = left_and_right(renderer, plain, creased("Right"))
    assert right > 1
    assert other < 0.01 * right


def test_long_lashes_darken_what_lies_below_the_line_of_a_shut_eye(renderer: Renderer, person: Person) -> None:
    head, skin = person
    bare = replace(skin, lashes=np.float32([0.01, 0.01, 0, 0.5]), lash=np.float32([0.01, 0.01, 0.01]))
    long = replace(bare, lashes=np.float32([1.2, 0.4, 1.0, 0.5]))
    where = replace(scene(seed=5), shadow=0.0)
    plain, lashed = (picture(renderer, (head, s), where, eyeBlinkLeft=1, eyeBlinkRight=1) for s in (bare, long))
    for corners in (slice(36, 42), slice(42, 48)):
        low, high = plain.points[corners].min(0), plain.points[corners].max(0)
        x, y = slice(int(low[0]), int(high[0]) + 1), round(float(plain.points[corners, 1].mean()))
        drop = int(0.35 * (high[0] - low[0]))
        below = lashed.colour[y : y + drop, x, 1].mean() / plain.colour[y : y + drop, x, 1].mean()
        above = lashed.colour[y - drop : y - 2, x, 1].mean() / plain.colour[y - drop : y - 2, x, 1].mean()
        assert below < 0.9
        assert above > 0.97


def test_a_tongue_at_rest_and_teeth_move_no_label(renderer: Renderer, person: Person) -> None:
    head, skin = person
    coefficients = np.zeros(57, np.float32)
    coefficients[INDEX["jawOpen"]] = 0.5
    posed, weights = head.pose(coefficients), head.limited(coefficients)
    mouth = posed.vertices[facekit().landmarks]
    teeth = posed.vertices[facekit().vertices_of("teeth")]
    tongues = [replace(posed, tongue=tongue.pose(mouth, teeth, coefficients, habit)) for habit in (0.0, 1.0, 2.2)]
    shots = [renderer.render(head, skin, each, weights, scene(seed=6), []) for each in tongues]
    shots.append(renderer.render(head, replace(skin, teeth_drop=0.4), tongues[0], weights, scene(seed=6), []))
    for shot in shots[1:]:
        assert np.array_equal(shot.points, shots[0].points)
        assert np.array_equal(shot.seen, shots[0].seen)
        assert np.abs(shot.colour - shots[0].colour).max() > 0.02


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
