"""Person: one random human, complete with hair, beard, clothes and what is worn; and pictures of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.performer import anatomy, landmarks, occluders, wear
from training.performer.anatomy import Shell
from training.performer.backgrounds import background
from training.performer.beard import beard
from training.performer.clothes import clothes
from training.performer.glasses import glasses
from training.performer.hair import hair
from training.performer.head import Head, random_identity, rig
from training.performer.mesh import Mesh
from training.performer.renderer import Picture, Renderer
from training.performer.scene import Scene, random_scene
from training.performer.sensor import capture
from training.performer.skin import Skin, random_skin

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

_NEAR_INFRARED = np.array([0.75, 0.2, 0.05], np.float32)  # what red, green and blue albedo say of the near infrared


@dataclass(frozen=True, eq=False)
class Person:
    """A person: geometry, colours, and what is on them.

    Attributes:
        rigid: meshes that move with the skull. shells: what rides on the skin.
        glasses: worn in some of the pictures only.
    """

    head: Head
    skin: Skin
    rigid: list[Mesh]
    shells: list[Shell]
    glasses: list[Mesh]
    bust: anatomy.Head


def random_person(rng: np.random.Generator) -> Person:
    """A random person, drawn over the whole human range as far as the face model reaches."""
    head, skin = Head(random_identity(rng)), random_skin(rng)
    bust = anatomy.Head(head.neutral, rig().drawn, head.neutral[rig().kit.landmarks])
    covered = rng.random() < 0.1
    rigid = hair(bust, rng, colour=skin.hair, under_hat=covered)
    if covered:
        rigid += wear.hat(bust, rng)
    if rng.random() < 0.8:
        rigid += clothes(bust, rng)
    if rng.random() < 0.12:
        rigid += wear.earrings(bust, rng)
    shells: list[Shell] = []
    if rng.random() < 0.28:
        shells += beard(bust, rng, colour=skin.hair)
    if rng.random() < 0.03:
        shells += wear.mask(bust, rng)
    return Person(head, skin, rigid, shells, glasses(bust, rng) if rng.random() < 0.35 else [], bust)


@dataclass(frozen=True, eq=False)
class Shot:
    """A photograph of a person with its labels.

    Attributes:
        picture: uint8 (S, S, 3). points: float32 (220, 2), pixels. rotation: (3, 3) head -> camera.
        marks: float32 (220, 3), the landmarks in the head's own axes, model centimetres.
        gaze: (2, 3). visibility: float32 (9,), share of each region's points that can be seen.
    """

    picture: U8
    points: F32
    marks: F32
    rotation: F32
    gaze: F32
    visibility: F32


def draw(
    renderer: Renderer,
    person: Person,
    coefficients: F32,
    scene: Scene,
    rng: np.random.Generator,
    framing: float = 1.25,
    occluded: float = 0.12,
) -> Picture:
    """The person in a scene, before any camera; `occluded` is the chance of something before the face."""
    posed = person.head.pose(coefficients)
    worn = person.rigid + [shell.mesh(posed.vertices) for shell in person.shells]
    if person.glasses and rng.random() < 0.6:
        worn = worn + person.glasses
    if rng.random() < occluded:
        worn = worn + occluders.occluder(person.bust, rng, person.skin.tone, float(rng.uniform(0.08, 0.4)))
    return renderer.render(person.head, person.skin, posed, person.head.limited(coefficients), scene, worn, framing)


def photograph(
    renderer: Renderer,
    person: Person,
    coefficients: F32,
    rng: np.random.Generator,
    *,
    scene: Scene | None = None,
    occluded: float = 0.12,
    strength: float | None = None,
) -> Shot:
    """One picture of a face crop with margin, as a random camera sees it.

    Args:
        coefficients: (57,). scene: drawn at random when None. strength: of the camera's faults, 0..1; random when None.
    """
    scene = random_scene(rng) if scene is None else scene
    seen = draw(renderer, person, coefficients, scene, rng, occluded=occluded)
    behind = background(rng, renderer.size, renderer.size)
    light = seen.colour[..., :3] + (1 - seen.colour[..., 3:]) * behind
    if scene.infrared:
        light = np.repeat((light @ _NEAR_INFRARED)[..., None], 3, axis=2)
    faults = rng.uniform(0, 0.8) if strength is None else strength
    picture = capture(np.ascontiguousarray(light, np.float32), rng, float(faults))
    visible = np.array([seen.seen[index].mean() for index in landmarks.region_points()], np.float32)
    return Shot(picture, seen.points, seen.marks, scene.rotation, seen.gaze, visible)
