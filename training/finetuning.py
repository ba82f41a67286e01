"""Teaching a finished network a few labels more: its last layers, held near to where they began.

What comes before them is frozen, so each picture is looked at a few times only, and the rest is linear algebra on what
was seen. Three things keep few labels from spoiling a network that has seen many: the weights are pulled back to their
start (L2-SP, Li, Grandvalet & Davoine 2018); answers that nobody labelled are kept as they were (learning without
forgetting, Li & Hoiem 2016); and it ends where held-out pictures are told best.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training.augment import Augment, Faces, LabelMap, mirror_order
from training.labels_csv import AFFECT, MEASURED, Labels
from training.models.expression import EMBEDDING, ExpressionNetwork
from training.models.face import FaceNetwork
from training.own_faces import OwnFace
from training.performer import landmarks
from training.performer.coefficients import COEFFICIENTS
from training.performer.labels import ACTION_UNITS

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Network = FaceNetwork | ExpressionNetwork

_VARIANCE = 0.04  # of a typical coefficient; errors are in its units
_PULL, _KEEP, _EMOTION = 0.05, 1.0, 0.5  # weights of the loss
_RATE, _BATCH = 5e-4, 64
_CHECK, _PATIENCE = 20, 8  # steps between looks at the held-out pictures; looks without a gain before it ends
_VIEWS, _MOST = 8, 8000  # augmented views of a picture; and of all


@dataclass(frozen=True, eq=False)
class Seen:
    """What the frozen part of the network makes of M views, and their labels.

    Attributes:
        features, visibility: float32 (M, ...); spatial: float16 (M, 48, 18, 18).
        hidden: float32 (M, ...), what the last layers for coefficients are given; added: float32 (M, 57), what comes to
            their answer by other ways.
        truth: float32 (M, 76), order of MEASURED, NaN where not labelled. emotion: int64 (M,), -1 where not labelled.
    """

    features: Tensor
    visibility: Tensor
    spatial: Tensor
    hidden: Tensor
    added: Tensor
    truth: Tensor
    emotion: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, which: Tensor) -> Seen:
        """Some of the views."""
        return Seen(*(value[which] for value in vars(self).values()))


class Answers(NamedTuple):
    """What the network says of B views: measured (B, 57 or 76), order of MEASURED; and, of an expression network,
    emotion: probabilities (B, 8), rest: the embedding and `unknown`, which have no labels (B, 65)."""

    measured: Tensor
    emotion: Tensor | None
    rest: Tensor | None

    def rows(self, which: Tensor) -> Answers:
        """Some of the views."""
        measured, *more = (value if value is None else value[which] for value in self)
        assert measured is not None
        return Answers(measured, *more)


def truths(labels: Labels) -> F32:
    """The labelled numbers in the order of MEASURED, NaN elsewhere: float32 (N, 76)."""
    out = np.full((len(labels), len(MEASURED)), np.nan, np.float32)
    for k, name in enumerate(labels.columns):
        out[:, MEASURED.index(name)] = labels.values[:, k]
    return out


def look(network: Network, faces: Sequence[OwnFace], labels: Labels, seed: int | None) -> Seen:
    """The pictures as the network sees them: cut exactly where `seed` is None, else each in several augmented views."""
    truth = truths(labels)
    if seed is None:
        return _look(network, [(np.stack([face.exact for face in faces]), truth)], labels)
    augment = Augment(seed, _label_map())
    count, unit = len(faces), np.eye(3, dtype=np.float32)
    given = Faces(
        np.stack([face.wide for face in faces]),
        np.stack([face.points for face in faces]),
        np.tile(unit, (count, 1, 1)),
        np.tile(unit[:2], (count, 1, 1)),
        truth,
        np.ones((count, len(landmarks.REGIONS)), np.float32),
    )
    batches = (augment.batch(step, given) for step in range(max(1, min(_VIEWS, _MOST // count))))
    return _look(network, ((views.pictures, views.coefficients) for views in batches), labels)


def _label_map() -> LabelMap:
    """Mirrors the columns of MEASURED. Which landmarks show a region does not matter: nobody labels what is hidden."""
    count = len(landmarks.REGIONS)
    order = np.concatenate([mirror_order(COEFFICIENTS), np.arange(len(COEFFICIENTS), len(MEASURED))])
    any_point = tuple(np.zeros(1, np.intp) for _ in range(count))
    mirrored = landmarks.mirrored().astype(np.intp)
    return LabelMap(mirrored, order, mirror_order(landmarks.REGIONS), any_point, landmarks.UPRIGHT)


@torch.no_grad()
def _look(network: Network, views: Iterable[tuple[U8, F32]], labels: Labels) -> Seen:
    face = _face(network)
    given: list[Tensor] = []
    hook = face.expression.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    parts: list[tuple[Tensor, ...]] = []
    for pictures, truth in views:
        for start in range(0, len(pictures), _BATCH):
            some = slice(start, start + _BATCH)
            image = torch.from_numpy(pictures[some].transpose(0, 3, 1, 2)).float() / 255
            out = face(image.contiguous(memory_format=torch.channels_last))
            hidden = given.pop()
            added = out.coefficients - face.coefficients(face.expression(hidden))
            given.clear()
            emotion = torch.from_numpy(labels.emotion[some].astype(np.int64))
            told = torch.from_numpy(truth[some])
            parts.append((out.features, out.visibility, out.spatial.half(), hidden, added, told, emotion))
    hook.remove()
    return Seen(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _face(network: Network) -> FaceNetwork:
    return network.face if isinstance(network, ExpressionNetwork) else network


def answer(network: Network, seen: Seen) -> Answers:
    """The last layers on what was seen; the same as the whole network on the pictures, without a neutral embedding."""
    face = _face(network)
    coefficients = face.coefficients(face.expression(seen.hidden)) + seen.added
    if not isinstance(network, ExpressionNetwork):
        return Answers(coefficients, None, None)
    neutral = torch.zeros(len(seen), EMBEDDING)
    told = network.heads(seen.features, seen.spatial.float(), coefficients, seen.visibility, neutral)
    measured = torch.cat([coefficients, told.aus, told.affect], 1)
    return Answers(measured, told.emotion, torch.cat([told.embedding, told.unknown], 1))


@torch.no_grad()
def answer_all(network: Network, seen: Seen) -> Answers:
    """`answer` for many views, a part at a time, without gradients."""
    parts = [answer(network, seen.rows(rows)) for rows in torch.split(torch.arange(len(seen)), 4 * _BATCH)]
    measured, *more = (None if values[0] is None else torch.cat(values) for values in zip(*parts, strict=True))
    assert measured is not None
    return Answers(measured, *more)


def learnt(network: Network, labels: Labels) -> list[nn.Module]:
    """The last layers that answer what is labelled."""
    face, parts = _face(network), []
    if set(labels.columns) & set(COEFFICIENTS):
        parts += [face.expression, face.coefficients]
    if isinstance(network, ExpressionNetwork):
        heads = network.heads
        if set(labels.columns) & set(ACTION_UNITS):
            parts += [heads.local, heads.masks, heads.units]
        if set(labels.columns) & set(AFFECT):
            parts.append(heads.affect)
        if (labels.emotion >= 0).any():
            parts.append(heads.emotion)
    return parts


def labelled_loss(said: Answers, seen: Seen) -> Tensor:
    """Squared error of what is labelled, each column alike, and the cross entropy of the labelled emotions."""
    truth = seen.truth[:, : said.measured.shape[1]]
    there = torch.isfinite(truth)
    off = torch.where(there, said.measured - torch.nan_to_num(truth), 0.0) ** 2 / _VARIANCE
    columns = there.any(0)
    loss = (off.sum(0)[columns] / there.sum(0)[columns]).sum() / max(int(columns.sum()), 1)
    meant = seen.emotion >= 0
    if said.emotion is not None and bool(meant.any()):
        right = said.emotion[meant].gather(1, seen.emotion[meant, None])
        loss = loss - _EMOTION * torch.log(right + 1e-6).mean()
    return loss


def _kept_loss(said: Answers, before: Answers, free: Tensor, feels: bool) -> Tensor:
    """How far the answers moved that nobody labelled; free (C,): those columns, feels: the emotions are labelled."""
    loss = (
        (said.measured - before.measured)[:, free].square().sum() / max(said.measured[:, free].numel(), 1) / _VARIANCE
    )
    if said.rest is not None and before.rest is not None:
        loss = loss + (said.rest - before.rest).square().mean() / _VARIANCE
    if not feels and said.emotion is not None and before.emotion is not None:
        loss = loss + (said.emotion - before.emotion).square().mean() / _VARIANCE
    return loss


def fit(network: Network, labels: Labels, train: Seen, held_out: Seen, steps: int, seed: int) -> int:
    """Trains the last layers in place and leaves the weights that told the held-out pictures best.

    Returns:
        The step that was best; 0: the network as it was.
    """
    parts = learnt(network, labels)
    parameters = [value for part in parts for value in part.parameters()]
    start = [value.detach().clone() for value in parameters]
    before = answer_all(network, train)
    best, best_at = float(labelled_loss(answer_all(network, held_out), held_out)), 0
    weights = copy.deepcopy([part.state_dict() for part in parts])
    free = ~torch.isfinite(train.truth[:, : before.measured.shape[1]]).any(0)
    feels = bool((train.emotion >= 0).any())
    optimiser = torch.optim.Adam(parameters, _RATE)
    generator = torch.Generator().manual_seed(seed)
    for step in range(1, steps + 1):
        rows = torch.randint(len(train), (_BATCH,), generator=generator)
        some = train.rows(rows)
        said = answer(network, some)
        pull = torch.stack([(value - was).square().sum() for value, was in zip(parameters, start, strict=True)]).sum()
        loss = labelled_loss(said, some) + _KEEP * _kept_loss(said, before.rows(rows), free, feels) + _PULL * pull
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % _CHECK == 0 or step == steps:
            now = float(labelled_loss(answer_all(network, held_out), held_out))
            if now < best:
                best, best_at = now, step
                weights = copy.deepcopy([part.state_dict() for part in parts])
            elif step - best_at >= _CHECK * _PATIENCE:
                break
    for part, value in zip(parts, weights, strict=True):
        part.load_state_dict(value)
    return best_at
