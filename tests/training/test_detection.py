"""Detection's training data: labels follow pixels, cells know their faces, and the decoder gives the labels back."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from training import frames  # noqa: E402
from training.detection import DetectBatches, DetectLoss, batch_of, find, mirror, owners, scores  # noqa: E402
from training.frames import Frame, compose  # noqa: E402
from training.models.detect import COLUMNS, ROWS, STRIDES, DetectNetwork, Level, cells  # noqa: E402
from training.sprites import SIZE, Sprites  # noqa: E402

COUNT = 6


@pytest.fixture(scope="module")
def sprites():
    """Bright ovals for people; the last one is turned away."""
    rng = np.random.default_rng(0)
    pictures = np.zeros((COUNT, SIZE, SIZE, 4), np.uint8)
    points = np.empty((COUNT, 220, 2), np.float32)
    for i in range(COUNT):
        half = 100 if i % 2 else 45
        cv2.ellipse(pictures[i], (128, 128), (half, half), 0, 0, 360, (150, 120, 100, 255), -1)
        points[i] = 127.5 + rng.uniform(-half, half, (220, 2))
    facing = np.array([1, 1, 1, 1, 1, -1], np.float32)
    return Sprites([pictures], points, np.ones(COUNT, np.float32), facing, np.arange(COUNT) % 2 == 1)


def frame(*boxes: tuple[float, ...], spared: tuple[tuple[float, ...], ...] = ()) -> Frame:
    """An empty picture with faces in it."""
    box = np.array(boxes, np.float32).reshape(-1, 4)
    points = np.stack([box[:, :2] + part * (box[:, 2:] - box[:, :2]) for part in (0.3, 0.4, 0.5, 0.6, 0.7)], 1)
    picture = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    return Frame(picture, box, points, np.array(spared, np.float32).reshape(-1, 4))


class Oracle(torch.nn.Module):
    """A network that says exactly what the labels say."""

    def __init__(self, truth: Frame) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))
        owner, grid = torch.from_numpy(owners(truth)), cells()
        score = torch.where(owner >= 0, 8.0, -8.0)
        box, points = torch.zeros(len(grid), 4), torch.zeros(len(grid), 10)
        for k in torch.nonzero(owner >= 0)[:, 0]:
            x0, y0, x1, y1 = truth.boxes[owner[k]] / float(grid[k, 2])
            corner = grid[k, :2].numpy()
            box[k] = torch.tensor(
                [(x0 + x1) / 2 - corner[0], (y0 + y1) / 2 - corner[1], np.log(x1 - x0), np.log(y1 - y0)]
            )
            points[k] = torch.from_numpy((truth.points[owner[k]] / float(grid[k, 2]) - corner).reshape(-1))
        counts = [(COLUMNS // stride) * (ROWS // stride) for stride in STRIDES]
        parts = zip(score.split(counts), box.split(counts), points.split(counts), strict=True)
        self.levels = [Level(*(value[None] + 0 * self.unused for value in part)) for part in parts]

    def forward(self, image):
        return self.levels


FACES = frame((20, 30, 31, 42), (60, 60, 100, 90), (150, 20, 310, 240), (-20, 180, 40, 260))


def test_the_same_state_gives_the_same_frame(sprites):
    a, b = (compose(np.random.default_rng(5), sprites) for _ in range(2))
    assert np.array_equal(a.picture, b.picture)
    assert np.array_equal(a.points, b.points)


def test_a_frame_has_at_most_six_faces_with_five_points_and_none_turned_away(sprites):
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(60):
        made = compose(rng, sprites)
        assert made.picture.shape == (ROWS, COLUMNS, 3)
        assert made.points.shape == (len(made.boxes), 5, 2)
        assert len(made.boxes) + len(made.spared) <= 6
        if len(made.boxes):
            longer = np.ptp(made.boxes.reshape(-1, 2, 2), axis=1).max(1)
            assert longer.min() >= frames.SMALLEST
        seen += len(made.boxes)
    assert seen > 40


def test_somebody_turned_away_is_nobody_to_be_found(sprites):
    behind = Sprites(sprites.shards, sprites.points, sprites.seen, -np.ones(COUNT, np.float32), sprites.close)
    rng = np.random.default_rng(2)
    assert sum(len(made.boxes) + len(made.spared) for made in (compose(rng, behind) for _ in range(20))) == 0


@pytest.mark.parametrize("scale", [0.13, 0.4, 1.0, 1.6])
@pytest.mark.parametrize("mirrored", [1.0, -1.0])
def test_a_pasted_sprites_pixels_land_where_its_labels_do(scale, mirrored):
    sprite = np.zeros((SIZE, SIZE, 4), np.uint8)
    cv2.circle(sprite, (150, 90), 30, (255, 255, 255, 255), -1)
    turn = scale * np.array([[0.9, -0.4], [0.4, 0.9]]) @ np.diag([mirrored, 1.0])
    centre = np.array([120.0, 100.0])
    affine = np.column_stack([turn, centre - turn @ [150, 90]])
    canvas = np.zeros((240, 320, 3), np.float32)
    frames._paste(np.random.default_rng(0), canvas, sprite, affine)
    y, x = np.mgrid[0:240, 0:320]
    weight = canvas[..., 0] / canvas[..., 0].sum()
    assert [(x * weight).sum(), (y * weight).sum()] == pytest.approx(centre, abs=0.15)


def test_what_covers_a_face_takes_its_share():
    person = frames._Person(np.array([10, 10, 30, 30], np.float32), np.zeros((5, 2), np.float32), 1.0, 0.8)
    person.cover((20, 0), np.ones((100, 100), np.float32))
    assert person.shown == pytest.approx(0.4)
    person.cover((200, 200), np.ones((9, 9), np.float32))
    assert person.shown == pytest.approx(0.4)


def test_every_face_has_cells_on_the_level_of_its_size():
    owner, stride = owners(FACES), cells()[:, 2].numpy()
    assert {face: set(stride[owner == face]) for face in range(4)} == {0: {8}, 1: {16}, 2: {64}, 3: {32}}


def test_cells_in_a_spared_box_are_left_alone_unless_a_face_is_theirs():
    owner = owners(frame((60, 60, 100, 90), spared=((50, 50, 110, 100),)))
    assert (owner == 0).any()
    assert (owner == -2).sum() > 50
    assert (owners(frame()) == -1).all()


def test_the_decoder_gives_the_labels_back():
    (rows,) = find(Oracle(FACES), FACES.picture[None])
    rows = rows[np.argsort(rows[:, 1])]
    order = np.argsort(FACES.boxes[:, 0])
    np.testing.assert_allclose(rows[:, 1:5], FACES.boxes[order], atol=1e-3)
    np.testing.assert_allclose(rows[:, 5:], FACES.points[order].reshape(4, 10), atol=1e-3)


def test_a_mirrored_frame_keeps_its_faces_and_the_subjects_sides():
    seen = mirror(FACES)
    assert (seen.boxes[:, 0] < seen.boxes[:, 2]).all()
    assert seen.points[1, 0] == pytest.approx((COLUMNS - 1 - FACES.points[1, 1, 0], FACES.points[1, 1, 1]))
    for name in ("picture", "boxes", "points", "spared"):
        np.testing.assert_allclose(getattr(mirror(seen), name), getattr(FACES, name), atol=1e-4, err_msg=name)


def test_the_loss_of_the_truth_is_nearly_nothing_and_boxes_have_gradients():
    oracle = Oracle(FACES)
    _, parts = DetectLoss()(oracle, batch_of([FACES]))
    assert max(parts.values()) < 1e-2
    torch.manual_seed(0)
    network = DetectNetwork()
    total, parts = DetectLoss()(network, batch_of([FACES, frame(), FACES]))
    total.backward()
    assert set(parts) == {"score", "box", "points"}
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_batch_without_faces_has_a_loss():
    total, parts = DetectLoss()(DetectNetwork(), batch_of([frame(), frame()]))
    assert torch.isfinite(total)
    assert parts["box"] == 0


def test_a_batch_depends_on_the_step_alone(sprites):
    a, b = DetectBatches(sprites, 2, 3), DetectBatches(sprites, 2, 3)
    a(0)
    assert torch.equal(a(4).image, b(4).image)
    assert torch.equal(a(4).owner, b(4).owner)


def test_scores_count_hits_misses_and_false_alarms():
    truth = frame((20, 30, 31, 42), (60, 60, 100, 90), spared=((200, 100, 240, 140),))

    def row(*box: float) -> list[float]:
        return [0.9, *box, *truth.points[1].reshape(-1)]

    found = np.array([row(60, 60, 100, 90), row(200, 100, 240, 141), row(150, 10, 190, 50)], np.float32)
    got = scores([truth], [found])
    assert got["recall"] == {"18": 0.0, "64": 1.0}
    assert got["recall_all"] == 0.5
    assert got["precision"] == 0.5
    assert got["points"] == pytest.approx(0, abs=1e-6)
    assert got["iou"] == pytest.approx(1)
