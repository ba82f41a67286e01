"""Portrait: a picture of a face, enrolled once, that then does what a driver does.

reenact = mien.open("reenact")
portrait = mien.Portrait(reenact, "me.jpg")
for frame in camera:
    shown = portrait.show(frame)         # a driver's frame, or a FaceState from anywhere
    window.draw(shown.picture)
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING

import numpy as np

from mien import _native
from mien.errors import InputError
from mien.marking import TILE, Marker
from mien.portrait import file
from mien.portrait.canvas import SIZE, Canvas
from mien.portrait.character import Character
from mien.portrait.character import read as read_character
from mien.portrait.fit import Fit, at_rest, fit
from mien.portrait.mesh import MIDDLE, gaze_of
from mien.portrait.motion import Motion, gaze_in_head, move
from mien.portrait.painter import Filler
from mien.portrait.transfer import READ_GAIN, Driver, Transfer
from mien.tasks.reenact import ReenactTask
from mien.types import F32, U8, FaceState, Frame

if TYPE_CHECKING:
    from mien.pipeline import Pipeline

log = logging.getLogger("mien")

LONGEST = 2160  # pixels of a portrait's longer side; larger ones are made smaller
_SMALLEST = 72  # pixels of the crop that the network gets at 256; a face is half as high
_LOW = 10.0  # crop pixels by which the head's middle lies below the crop's
_PROFILE = math.cos(math.radians(50))
_FEATHER = 20  # crop pixels over which the crop fades into the picture


@dataclass(frozen=True, eq=False)
class Shown:
    """One frame of a portrait.

    Attributes:
        picture: uint8 (H, W, 3) RGB, as large as the enrolled picture. It is the portrait's own memory: the next frame
            is drawn over it.
        mask: float32 (256, 256), 0..1, how much of the crop is the moved head; the rest is the picture as it was.
        crop: scale, x0, y0; crop pixel (x, y) is picture pixel (x * scale + x0, y * scale + y0).
        driver: the driver's state, None where none was given.
    """

    picture: U8
    mask: F32
    crop: tuple[float, float, float]
    driver: FaceState | None


class Portrait:
    """An enrolled picture. One stream of drivers; not for use by several threads.

    Args:
        pipeline: of a bundle such as `reenact`. It also follows drivers that come as frames.
        photo: uint8 (H, W, 3) RGB, a Frame, or the path of a picture (needs mien[video]).
        face: which of several faces, 0 is the largest; None: the largest, with a warning in the log.
        transfer: what is taken from drivers.
        longest: the longer side of the picture that is kept, 64..4320; larger photos are made smaller.
        mark: how pictures say that they are made: ``"invisible"``, ``"visible"``, ``"both"`` or ``"none"``; see
            `mien.marking`.

    Attributes:
        faces: how many faces the photo shows.
        refine: whether the network paints what the picture does not show; may be set between frames. Without it the
            picture is moved and nothing is added.

    Raises:
        InputError: ``portrait.*``; the bundle moves no portraits, or the photo has no face, no such face, one seen from
            the side or one that is too small. SourceError: the picture cannot be read.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        photo: U8 | Frame | str | PathLike[str],
        *,
        face: int | None = None,
        transfer: Transfer | None = None,
        longest: int = LONGEST,
        mark: str = "invisible",
    ) -> None:
        if type(longest) is not int or not 64 <= longest <= 4320:
            raise InputError("portrait.longest", f"longest is {longest!r}.", "Give 64..4320 pixels.")
        picture = smaller(_pixels(photo), longest)
        task = _task_of(pipeline)
        states = task.faces(Frame.of(picture))
        state = _chosen(states, face)
        assert state.landmarks is not None
        assert state.head is not None
        turn = state.head.matrix()[:3, :3].astype(np.float32)
        if turn[2, 2] < _PROFILE:
            raise InputError(
                "portrait.profile",
                f"The face looks {math.degrees(math.acos(max(-1.0, float(turn[2, 2])))):.0f} degrees past the camera.",
                "Use a picture within about 45 degrees of the front.",
            )
        values = np.where(np.isfinite(state.values), state.values, 0).astype(np.float32)
        gaze = gaze_of(values) if state.gaze is None else gaze_in_head(state.gaze, turn)
        found = fit(task.mesh, state.landmarks[:, :2], turn, values, gaze)
        self._begin(pipeline, picture, found, len(states), transfer, mark)

    def _begin(
        self,
        pipeline: Pipeline,
        picture: U8,
        found: Fit,
        faces: int,
        transfer: Transfer | None,
        mark: str,
        refine: bool = True,
    ) -> None:
        task = _task_of(pipeline)
        self.refine = refine
        self.faces, self._pipeline, self._task = faces, pipeline, task
        self._now = 0
        self._picture, self._whole = picture, found
        scale = task.span * found.placed.scale / SIZE
        if scale * SIZE < _SMALLEST:
            raise InputError(
                "portrait.small",
                f"The head with its surroundings is {scale * SIZE:.0f} pixels wide.",
                f"At least {_SMALLEST} are needed; use a larger picture.",
            )
        middle = at_rest(found.placed, MIDDLE)
        half = (SIZE - 1) / 2
        self.crop = scale, float(middle[0] - half * scale), float(middle[1] - (half + _LOW) * scale)
        own = found.moved(1 / scale, -self.crop[1] / scale, -self.crop[2] / scale)
        self._canvas = Canvas(task.mesh)
        self._source = self._canvas.source(_cut(picture, self.crop), own)
        self._driver = Driver(own, transfer or Transfer())
        self._painter, self._filler = task.painter(), Filler()
        self._out = picture.copy()
        self._marker = Marker(mark)
        self._marked = self._out if mark == "none" else self._marker(picture.copy())
        self._redrawn = _tiles(self.crop, picture.shape) if mark == "invisible" else np.s_[:, :]
        self._feather = _faded()
        self._mask = np.empty((SIZE, SIZE), np.float32)

    @classmethod
    def load(
        cls,
        pipeline: Pipeline,
        path: str | PathLike[str],
        *,
        transfer: Transfer | None = None,
        mark: str = "invisible",
    ) -> Portrait:
        """A portrait as `save` wrote it. `transfer` and `mark` as for a new one.

        Raises:
            InputError: ``portrait.file``; it cannot be read, is damaged, or was enrolled with another face model.
        """
        task = _task_of(pipeline)
        picture, found, faces, refine = file.read(path, len(task.mesh), task.digest)
        self = cls.__new__(cls)
        self._begin(pipeline, picture, found, faces, transfer, mark, refine)
        return self

    @classmethod
    def of_character(
        cls,
        pipeline: Pipeline,
        character: Character | str | PathLike[str],
        *,
        transfer: Transfer | None = None,
        longest: int = LONGEST,
        mark: str = "invisible",
    ) -> Portrait:
        """A portrait of a drawing, a cartoon or an animal, by its character file (`mien.portrait.character`).

        Args:
            transfer: None: with the character's own strengths. The rest as for a new portrait.

        Raises:
            InputError: ``character.file``, ``portrait.*``. SourceError: its picture cannot be read.
        """
        told = character if isinstance(character, Character) else read_character(character)
        whole = _pixels(told.picture)
        picture = smaller(whole, longest)
        found = told.fitted(_task_of(pipeline).mesh)
        unit = picture.shape[1] / whole.shape[1]
        found = found.moved(unit, (unit - 1) / 2, (unit - 1) / 2)
        self = cls.__new__(cls)
        own = Transfer(strength=told.strength)
        self._begin(pipeline, picture, found, 1, transfer or own, mark, told.refine)
        return self

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the enrolled picture, without loss, and what was fitted to it. Raises SinkError."""
        file.write(path, self._picture, self._whole, self.faces, self.refine, self._task.digest)

    @property
    def transfer(self) -> Transfer:
        """What is taken from drivers; may be set between frames."""
        return self._driver.transfer

    @transfer.setter
    def transfer(self, value: Transfer) -> None:
        self._driver.transfer = value

    def set_reference(self, state: FaceState | None) -> None:
        """The driver as it does what the source does, for relative transfer; None: the next state that comes."""
        self._driver.reference = state

    def show(
        self, driver: FaceState | Frame | U8 | None, *, t_ns: int | None = None, gain: float | None = None
    ) -> Shown:
        """The picture under a driver.

        Args:
            driver: a state, from whatever source; a frame of the driver, which the pipeline follows; or None, where the
                driver is lost: its last state is held for two seconds, then the portrait goes back to rest.
            t_ns: the time, where `driver` is None; default: as the state before.
            gain: of expression, 0..3. None: 1 for states; for frames 1.3, which makes up for the restraint of the face
                network that reads them.

        Raises:
            InputError: the frame is none.
        """
        given = isinstance(driver, FaceState) or driver is None
        gain = (1.0 if given else READ_GAIN) if gain is None else gain
        if not 0 <= gain <= 3:
            raise InputError("portrait.gain", f"gain is {gain!r}.", "Give 0..3.")
        state = driver if isinstance(driver, FaceState) or driver is None else self._pipeline.process(driver)
        now = state.t_ns if state is not None else self._now if t_ns is None else t_ns
        self._now = now
        return self.paint(self._driver.follow(state, now, gain), state)

    def paint(self, motion: Motion, driver: FaceState | None = None) -> Shown:
        """The picture under a motion of one's own making."""
        canvas, source = self._canvas, self._source
        with self._pipeline.profiler.stage("draw"):
            canvas.draw(source, move(self._task.mesh, source.fit, motion))
        profiler = self._pipeline.profiler
        if self.refine:
            keep, change = self._painter.paint(canvas, source, motion, profiler)
        else:
            keep, change = self._filler.paint(canvas, source)
        with self._pipeline.profiler.stage("blend"):
            _native.flow_compose(self._picture, *self.crop, canvas.flow, keep[0], change, self._feather, self._out)
            np.multiply(keep[0], self._feather, out=self._mask)
        if self._marked is not self._out:
            with self._pipeline.profiler.stage("mark"):
                self._marker(self._out[self._redrawn], self._marked[self._redrawn])  # in place they would add up
        return Shown(self._marked, self._mask, self.crop, driver)


def _task_of(pipeline: Pipeline) -> ReenactTask:
    task = pipeline.task
    if not isinstance(task, ReenactTask):
        raise InputError(
            "portrait.bundle",
            f"The bundle {pipeline.bundle.manifest.name!r} moves no portraits.",
            'mien.open("reenact")',
        )
    return task


def _pixels(photo: U8 | Frame | str | PathLike[str]) -> U8:
    if isinstance(photo, Frame):
        return photo.to_rgb()
    if isinstance(photo, (str, PathLike)):
        from mien.sources.image import Images

        frame = Images(fspath(photo)).read()
        if frame is None:
            raise InputError("portrait.photo", f"{fspath(photo)} holds no picture.", "Give a picture of a face.")
        return frame.to_rgb()
    return Frame.of(photo).to_rgb()


def _chosen(states: list[FaceState], face: int | None) -> FaceState:
    """The face that is meant; faces are ordered by size."""
    ordered = sorted((s for s in states if s.found and s.box), key=_size, reverse=True)
    if not ordered:
        raise InputError(
            "portrait.no_face", "No face was found in the picture.", "Use one with a face that is turned to the camera."
        )
    if len(ordered) > 1 and face is None:
        log.warning("the picture has %d faces; the largest is taken, face=1 is the next", len(ordered))
    index = 0 if face is None else face
    if type(index) is not int or not 0 <= index < len(ordered):
        raise InputError(
            "portrait.face", f"face is {face!r}, and the picture has {len(ordered)}.", f"Give 0..{len(ordered) - 1}."
        )
    return ordered[index]


def _size(state: FaceState) -> float:
    assert state.box is not None
    x0, y0, x1, y1 = state.box
    return (x1 - x0) * (y1 - y0)


def smaller(picture: U8, longest: int) -> U8:
    """The picture with its longer side at most `longest`, by whole steps of averaging, then bilinearly."""
    step = max(picture.shape[:2]) / longest
    if step <= 1:
        return picture
    whole = int(step)
    if whole > 1:
        rows, columns = picture.shape[0] // whole * whole, picture.shape[1] // whole * whole
        cells = picture[:rows, :columns].reshape(rows // whole, whole, columns // whole, whole, 3)
        picture = np.ascontiguousarray(np.rint(cells.mean((1, 3), dtype=np.float32)).astype(np.uint8))
        step = max(picture.shape[:2]) / longest
    size = [max(int(side / step), 1) for side in picture.shape[:2]]
    return _resampled(picture, (step, (step - 1) / 2, (step - 1) / 2), size[0], size[1])


def _cut(picture: U8, crop: tuple[float, float, float]) -> U8:
    """The crop, (256, 256, 3), outside of the picture its border repeated."""
    whole = int(crop[0])
    if whole < 2:
        return _resampled(picture, crop, SIZE, SIZE)
    fine = _resampled(picture, (crop[0] / whole, *_centred(crop, whole)), SIZE * whole, SIZE * whole)
    cells = fine.reshape(SIZE, whole, SIZE, whole, 3)
    return np.ascontiguousarray(np.rint(cells.mean((1, 3), dtype=np.float32)).astype(np.uint8))


def _centred(crop: tuple[float, float, float], whole: int) -> tuple[float, float]:
    """Where finer pixels begin, of which `whole` x `whole` make one of the crop."""
    back = crop[0] * (whole - 1) / (2 * whole)
    return crop[1] - back, crop[2] - back


def _resampled(picture: U8, crop: tuple[float, float, float], rows: int, columns: int) -> U8:
    spec = _native.TensorSpec(columns, rows, "uint8", "nhwc", "rgb", "replicate", [1.0] * 3, [0.0] * 3, 1.0, 0)
    out = np.empty((rows, columns, 3), np.uint8)
    affine = np.array([[crop[0], 0, crop[1]], [0, crop[0], crop[2]]], np.float64)
    _native.image_to_tensor(Frame.of(picture).image, affine, spec, out)
    return out


def _tiles(crop: tuple[float, float, float], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of a picture that is drawn again for each frame, in whole tiles of the invisible mark from its corner.

    Marking all of 1080 lines took 4 ms of each frame.
    """
    scale, x0, y0 = crop
    ends = [(max(int(begin), 0) // TILE * TILE, int(begin + SIZE * scale) + 2) for begin in (y0, x0)]
    rows, columns = (slice(begin, min(end, most)) for (begin, end), most in zip(ends, shape[:2], strict=True))
    return rows, columns


def _faded() -> F32:
    """(256, 256): 1 inside, down to 0 at the border."""
    line = np.clip(np.minimum(np.arange(SIZE), np.arange(SIZE)[::-1]) / _FEATHER, 0, 1)
    line = line * line * (3 - 2 * line)
    return np.asarray(line[:, None] * line, np.float32)
