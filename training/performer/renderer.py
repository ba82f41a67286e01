"""Renderer: people to pictures, with OpenGL through EGL (Mesa's llvmpipe on a CPU, or a GPU)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.errors import TrainingError
from training.performer import landmarks as points
from training.performer import lids, tongue
from training.performer.creases import creases
from training.performer.grain import noise_texture
from training.performer.head import Head, Posed, rig
from training.performer.layout import (
    BACK,
    BROW,
    LASH,
    LID,
    LIP,
    MOUTH,
    PARTS,
    SKIN,
    STATIC,
    TONGUE,
    WORN,
    layout,
)
from training.performer.mesh import Mesh
from training.performer.scene import Camera, Scene
from training.performer.skin import Skin

F32 = npt.NDArray[np.float32]

_SHADERS = Path(__file__).parent / "shaders"
_BLOCK_FLOATS = 4 * 16 + 30 * 4
_SUN_SIZE, _SUN_REACH = 384, 17.0  # pixels of the key light's depth map; cm from the face's middle that it covers
_MIDDLE = np.array([0, 0, 6], np.float32)  # the point of the head at Scene.distance
_HIDDEN_BY = 0.7  # cm that something must lie before a landmark to hide it
_LIPS = tuple(ARKIT52.index(f"mouth{name}") for name in ("PressLeft", "PressRight", "RollUpper", "RollLower"))
_SHUT = 0.12  # cm between the lips below which the mouth's inside is not drawn


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered person.

    Attributes:
        colour: float32 (S, S, 4), linear radiance times coverage, and coverage.
        points: float32 (220, 2) landmarks in pixels. seen: bool (220,), not hidden by anything.
        marks: float32 (220, 3) the same in the head's own axes, model centimetres.
        gaze: (2, 3) unit vectors in camera axes, left and right eye.
    """

    colour: F32
    points: F32
    seen: npt.NDArray[np.bool_]
    marks: F32
    gaze: F32


@dataclass(frozen=True, eq=False)
class _Worn:
    """A mesh on the GPU; it keeps the Mesh, so that its id stays its own."""

    mesh: Mesh
    arrays: tuple[Any, Any]
    shade: Any
    opaque: bool
    buffers: tuple[Any, Any]

    def release(self) -> None:
        for item in (*self.arrays, self.shade, *self.buffers):
            item.release()


class Renderer:
    """Draws people at one size. One per process; not for use by several threads.

    Raises:
        TrainingError: no EGL, or no OpenGL 3.3 (``render.no_egl``).
    """

    def __init__(self, size: int, supersampling: int = 2) -> None:
        os.environ.setdefault("LP_NUM_THREADS", "1")  # parallel by processes, which scales better
        try:
            import moderngl

            self._gl: Any = moderngl.create_standalone_context(backend="egl", require=330)  # type: ignore[arg-type]
        except Exception as error:  # moderngl raises bare Exception where libEGL is missing
            raise TrainingError(
                "render.no_egl",
                f"No OpenGL context could be made through EGL ({error}).",
                "Install the libraries (Debian: apt install libegl1 libegl-mesa0 libgl1-mesa-dri) and pip install "
                "'mien[train]'.",
            ) from error
        gl = self._gl
        self.size, self._factor = size, supersampling
        self._big = size * supersampling
        self._depth = gl.depth_texture((self._big, self._big))
        self._picture = gl.texture((self._big, self._big), 4, dtype="f2")
        self._target = gl.framebuffer([self._picture], self._depth)
        self._small = gl.framebuffer([gl.texture((size, size), 4, dtype="f2")])
        self._sun = gl.depth_texture((_SUN_SIZE, _SUN_SIZE))
        self._sun.compare_func = ""
        self._sun_target = gl.framebuffer(depth_attachment=self._sun)
        self._noise = gl.texture((256, 256), 4, noise_texture().tobytes())
        self._noise.use(0)
        self._sun.use(1)
        self._picture.use(2)
        self._block = gl.buffer(reserve=_BLOCK_FLOATS * 4, dynamic=True)
        self._block.bind_to_uniform_block(0)
        self._programs = {(part, lit): self._program(part, lit) for part in PARTS for lit in (False, True)}
        self._shade = self._link("depth")
        self._resolve = self._link("resolve")
        self._resolve["picture"].value = 2
        self._resolve["factor"].value = supersampling
        corners = gl.buffer(np.array([-1, -1, 3, -1, -1, 3], np.float32).tobytes())
        self._quad = gl.vertex_array(self._resolve, [(corners, "2f", "in_corner")])
        self._person: list[tuple[int, tuple[Any, Any]]] = []
        self._build_person()
        self._build_tongue()
        self._build_lashes()
        self._skin: Skin | None = None
        self._wardrobe: list[_Worn] = []

    def _link(self, name: str, *defines: str) -> Any:
        scene = (_SHADERS / "scene.glsl").read_text("utf-8")
        sources = [
            "\n".join(["#version 330", *defines, scene, (_SHADERS / f"{name}.{kind}").read_text("utf-8")])
            for kind in ("vert", "frag")
        ]
        program = self._gl.program(*sources)
        if "Scene" in program:
            program["Scene"].binding = 0
        return program

    def _program(self, part: int, lit: bool) -> Any:
        program = self._link("person", f"#define PART {part}", f"#define SHADOW {int(lit)}")
        for name, unit in (("noise", 0), ("sun_depth", 1)):
            if name in program:  # the compiler drops what a part does not use
                program[name].value = unit
        return program

    def _vertex_arrays(self, part: int, content: list[Any], index: Any) -> tuple[Any, Any]:
        """The part's array without and with a shadow map; attributes that its program does not use are left out."""
        without, lit = (
            self._gl.vertex_array(self._programs[part, lit], content, index, skip_errors=True) for lit in (False, True)
        )
        return without, lit

    def _build_person(self) -> None:
        gl, lay = self._gl, layout()
        count = len(lay.source)
        self._moving = gl.buffer(reserve=count * 11 * 4, dynamic=True)
        self._coloured = gl.buffer(reserve=count * 4 * 4, dynamic=True)
        static = gl.buffer(lay.static.tobytes())
        content = [
            (self._moving, "3f 3f 4f 1f", "in_position", "in_normal", "in_crease", "in_pebble"),
            (self._coloured, "4f", "in_colour"),
            (static, STATIC[0], *STATIC[1]),
        ]
        for part, members in PARTS.items():
            mine = lay.of(*members)
            if len(mine):
                self._person.append((part, self._vertex_arrays(part, content, gl.buffer(mine.tobytes()))))
        solid = gl.buffer(lay.of(SKIN, BROW, LIP, LID, BACK).tobytes())
        self._person_shade = gl.vertex_array(self._shade, [(self._moving, "3f 32x", "in_position")], solid)

    def _build_lashes(self) -> None:
        gl = self._gl
        triangles, place = lids.topology()
        self._lash_moving = gl.buffer(reserve=len(place) * 3 * 4, dynamic=True)
        self._lash_colour = gl.buffer(reserve=len(place) * 4 * 4, dynamic=True)
        static = np.concatenate([place[:, :2], np.tile([0.0, 0.6, 0.8, LASH, 1.0], (len(place), 1))], 1)
        fixed = gl.buffer(static.astype(np.float32).tobytes())
        content = [
            (self._lash_moving, "3f", "in_position"),
            (self._lash_colour, "4f", "in_colour"),
            (fixed, "2f 3f 1f 1f", "in_uv", "in_normal", "in_kind", "in_cavity"),
        ]
        self._lashes = self._vertex_arrays(LASH, content, gl.buffer(triangles.tobytes()))

    def _build_tongue(self) -> None:
        gl = self._gl
        count = tongue.RINGS * tongue.SIDES + 1
        self._tongue_moving = gl.buffer(reserve=count * 6 * 4, dynamic=True)
        self._tongue_static = gl.buffer(reserve=count * 6 * 4, dynamic=True)
        content = [
            (self._tongue_moving, "3f 3f", "in_position", "in_normal"),
            (self._tongue_static, "4f 1f 1f", "in_colour", "in_kind", "in_cavity"),
        ]
        index = gl.buffer(tongue.topology().tobytes())
        self._person.append((MOUTH, self._vertex_arrays(MOUTH, content, index)))

    def render(
        self,
        head: Head,
        skin: Skin,
        posed: Posed,
        weights: F32,
        scene: Scene,
        worn: list[Mesh],
        framing: float | Camera = 1.25,
    ) -> Picture:
        """Draws one picture.

        Args:
            weights: (52,) the expression, for the wrinkles. worn: what else is drawn, in model space, already posed.
            framing: side of the picture in sides of the face crop, or a camera that does not follow the face.
        """
        with self._gl:  # another renderer of this process may have been at work
            place = np.array([0, 0, -scene.distance], np.float32) - scene.rotation @ _MIDDLE
            if isinstance(framing, Camera):
                place = place + framing.shift
            marks = points.positions(posed, skin.iris_scale, head.eye_scale)
            pixels, lens = self._aim(marks @ scene.rotation.T + place, framing)
            lit = scene.shadow > 0
            self._block.write(self._uniforms(head, skin, posed, weights, scene, place, lens).tobytes())
            self._upload(head, skin, posed, weights)
            extras = self._wear(worn)
            gl = self._gl
            gl.enable(gl.DEPTH_TEST)
            if lit:
                self._sun_target.use()
                self._sun_target.clear(depth=1.0)
                gl.polygon_offset = 2.0, 4.0
                self._person_shade.render()
                for item in extras:
                    if item.opaque:
                        item.shade.render()
                gl.polygon_offset = 0.0, 0.0
            self._target.use()
            self._target.clear(0, 0, 0, 0, depth=1.0)
            gl.enable(gl.CULL_FACE)
            lips_apart = float(np.diff(posed.vertices[rig().kit.landmarks[[66, 62]], 1])[0]) > _SHUT or weights[51] > 0
            for part, arrays in self._person:
                if part != MOUTH or lips_apart:
                    arrays[lit].render()
            gl.disable(gl.CULL_FACE)
            self._target.depth_mask = False  # hair too fine to hide anything; it blends
            gl.enable(gl.BLEND)
            gl.blend_func = gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA
            self._lashes[lit].render()
            gl.disable(gl.BLEND)
            self._target.depth_mask = True
            for item in extras:  # last: what lies behind the skin then costs nothing
                item.arrays[lit].render()
            self._small.use()
            gl.disable(gl.DEPTH_TEST)
            self._quad.render()
            flat = np.frombuffer(self._small.read(components=4, dtype="f2"), np.float16)
            colour = flat.reshape(self.size, self.size, 4)[::-1].astype(np.float32)
            seen = self._seen(marks @ scene.rotation.T + place, pixels)
            return Picture(colour, pixels, seen, marks, (posed.gaze @ scene.rotation.T).astype(np.float32))

    def _aim(self, seen: F32, framing: float | Camera) -> tuple[F32, F32]:
        """Landmark pixels (220, 2) and the lens: the camera's, or the one that puts their hull into the middle."""
        flat = seen[:, :2] / -seen[:, 2:]
        if isinstance(framing, Camera):
            focal, middle = framing.focal, framing.centre * np.array([-1, 1], np.float32)
        else:
            low, high = flat.min(0), flat.max(0)
            focal = self.size / (framing * points.CROP * (high - low).max())
            middle = (low + high) / 2 * focal
        centre = (self.size - 1) / 2
        pixels = np.stack([centre + flat[:, 0] * focal - middle[0], centre - flat[:, 1] * focal + middle[1]], 1)
        scale = 2 * focal / self.size
        return pixels.astype(np.float32), np.array(
            [scale, scale, -2 * middle[0] / self.size, -2 * middle[1] / self.size], np.float32
        )

    def _sun_matrix(self, scene: Scene) -> F32:
        way = scene.light_way[0]
        right = np.cross([0, 1, 0], way)
        right = right / max(float(np.linalg.norm(right)), 1e-6)
        up = np.cross(way, right)
        axes = np.stack([right / _SUN_REACH, up / _SUN_REACH, -way / (2 * _SUN_REACH)])
        out = np.eye(4, dtype=np.float32)
        out[:3, :3] = axes
        out[:3, 3] = -axes @ np.array([0, 0, -scene.distance])
        return out

    def _upload(self, head: Head, skin: Skin, posed: Posed, weights: F32) -> None:
        lay = layout()
        old = float(np.clip(1.3 * skin.age - 0.3, 0, 1))
        depth = creases().depth(weights, skin.wrinkles, old, float(skin.lid_fold[3]))
        moving = np.concatenate([posed.vertices, posed.normals, depth], 1).astype(np.float32)
        gap = float(np.ptp(posed.vertices[rig().kit.landmarks[[62, 66]], 1]))
        # nearly shut lips have nothing to show
        moving[lay.upper_row, 1] -= skin.teeth_drop * np.clip(gap / 0.6, 0, 1)
        self._moving.write(moving[lay.source].tobytes())
        hairs = lids.fringes(posed.vertices, head.neutral, skin.lashes[:2], float(skin.lashes[3]))
        self._lash_moving.write(hairs.tobytes())
        shape = posed.tongue
        tri = tongue.topology()
        flat = np.cross(shape[tri[:, 1]] - shape[tri[:, 0]], shape[tri[:, 2]] - shape[tri[:, 0]])
        normal = np.stack([np.bincount(tri.ravel(), np.repeat(flat[:, k], 3), len(shape)) for k in range(3)], 1)
        self._tongue_moving.write(np.concatenate([shape, normal], 1).astype(np.float32).tobytes())
        if skin is self._skin:
            return
        self._skin = skin
        self._coloured.write(skin.albedo[lay.source].tobytes())
        flesh = np.array([*skin.tongue, 0.5, TONGUE, 1.0], np.float32)
        self._tongue_static.write(np.tile(flesh, (len(shape), 1)).tobytes())
        lower = lids.topology()[1][:, 2:]
        painted = np.concatenate([np.tile(skin.lash, (len(lower), 1)), skin.lashes[2] * (1 - 0.35 * lower)], 1)
        self._lash_colour.write(painted.astype(np.float32).tobytes())

    def _uniforms(self, head: Head, skin: Skin, posed: Posed, weights: F32, scene: Scene, place: F32, lens: F32) -> F32:
        """The block of shaders/scene.glsl; matrices by columns."""
        camera = np.eye(4, dtype=np.float32)
        camera[:3, :3], camera[:3, 3] = scene.rotation, place
        turns = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
        turns[:, :3, :3] = posed.eye_rotation
        lips = posed.vertices[rig().kit.landmarks[[62, 66]]].mean(0)

        def rows(values: F32, last: Any = 0.0) -> F32:
            table = np.atleast_2d(values)[:, :3]
            return np.concatenate([table, np.broadcast_to(np.atleast_1d(last)[:, None], (len(table), 1))], 1)

        parts = [
            camera.T,
            self._sun_matrix(scene).T,
            *(turn.T for turn in turns),
            lens,
            rows(scene.light_way),
            rows(scene.light_colour),
            rows(scene.ambient),
            [scene.shadow, scene.softness, scene.eye_glow, float(skin.tone.sum() * 91.0)],
            rows(skin.lip),
            rows(skin.brow),
            skin.brow_shape,
            rows(skin.lash, skin.lash_line),
            skin.shadow,
            rows(skin.iris, skin.iris_scale),
            rows(skin.sclera, skin.pupil),
            [skin.freckles, skin.grain, skin.stubble, skin.age],
            rows(posed.eye_centres, posed.lids),
            rows(lips),
            skin.brow_style,
            skin.liner,
            skin.lid_fold,
            [*lids.openness(posed.vertices, head.neutral), 0.0, 0.0],
            weights[list(_LIPS)],
        ]
        return np.concatenate([np.asarray(part, np.float32).ravel() for part in parts])

    def _worn(self, mesh: Mesh) -> _Worn:
        gl = self._gl
        v, t = mesh.vertices, mesh.triangles
        flat = np.cross(v[t[:, 1]] - v[t[:, 0]], v[t[:, 2]] - v[t[:, 0]])
        corners = t.T.ravel()
        normal = np.stack([np.bincount(corners, np.tile(flat[:, k], 3), len(v)) for k in range(3)], 1)
        rest = np.tile(np.array([WORN, mesh.gloss, 0.35, 1.0], np.float32), (len(v), 1))  # kind, gloss, grain, light
        data = gl.buffer(np.concatenate([v, normal, mesh.colour, rest], 1).astype(np.float32).tobytes())
        index = gl.buffer(np.ascontiguousarray(t, np.int32).tobytes())
        names = ("in_position", "in_normal", "in_colour", "in_kind", "in_lip", "in_lid", "in_cavity")
        arrays = self._vertex_arrays(WORN, [(data, "3f 3f 4f 1f 1f 1f 1f", *names)], index)
        shade = gl.vertex_array(self._shade, [(data, "3f 44x", "in_position")], index)
        return _Worn(mesh, arrays, shade, bool(mesh.colour[:, 3].mean() > 0.5), (data, index))

    def _wear(self, worn: list[Mesh]) -> list[_Worn]:
        """The meshes on the GPU; those that were worn in the picture before stay there."""
        known = {id(item.mesh): item for item in self._wardrobe}
        now = [known.get(id(mesh)) or self._worn(mesh) for mesh in worn]
        kept = {id(item) for item in now}
        for item in self._wardrobe:
            if id(item) not in kept:
                item.release()
        self._wardrobe = now
        return now

    def _seen(self, marks: F32, pixels: F32) -> npt.NDArray[np.bool_]:
        """Landmarks that nothing lies before, by the median depth of a small neighbourhood."""
        raw = np.frombuffer(self._depth.read(), np.float32).reshape(self._big, self._big)[::-1]
        near, far = 5.0, 500.0
        u = np.round((pixels + 0.5) * self._factor - 0.5).astype(int)
        steps = np.arange(-2, 3, 2)
        rows = np.clip(u[:, 1, None, None] + steps[None, :, None], 0, self._big - 1)
        columns = np.clip(u[:, 0, None, None] + steps[None, None, :], 0, self._big - 1)
        ndc = np.median(raw[rows, columns].reshape(len(u), -1), axis=1) * 2 - 1
        depth = 2 * near * far / (far + near - ndc * (far - near))
        inside = ((pixels >= -0.5) & (pixels < self.size - 0.5)).all(1)
        return np.asarray(inside & (-marks[:, 2] < depth + _HIDDEN_BY))
