"""The small face: its lids and lips are open, its landmarks the performer's."""

from __future__ import annotations

import numpy as np
import pytest
from mien.layouts import ARKIT52
from mien.portrait.mesh import KINDS, FaceMesh

from training import reenact_mesh
from training.performer.assets import facekit
from training.performer.landmarks import DENSE, dense_vertices


@pytest.mark.shared
def test_eyes_mouth_and_neck_are_its_only_holes() -> None:
    _, skin, _ = reenact_mesh._skin()
    assert sorted(map(len, reenact_mesh._loops(skin)))[:1] > [8]
    assert len(reenact_mesh._loops(skin)) == 4


@pytest.mark.shared
def test_landmarks_are_the_performers_and_tables_fit_the_runtime() -> None:
    mesh = FaceMesh(reenact_mesh.blob())
    kit = facekit()
    assert np.allclose(mesh.neutral[mesh.landmarks[:68]], kit.neutral[kit.landmarks], atol=0.01)
    assert np.allclose(mesh.neutral[mesh.landmarks[DENSE:]], kit.neutral[dense_vertices()], atol=0.01)
    assert reenact_mesh.KINDS == KINDS
    assert set(np.unique(mesh.kinds)) == set(range(len(KINDS)))
    assert len(reenact_mesh.blob()) < 500_000


@pytest.mark.shared
def test_the_lower_teeth_fall_with_the_jaw_and_the_upper_stay() -> None:
    kit = facekit()
    teeth = np.array(reenact_mesh._teeth())
    falls = -kit.expressions[ARKIT52.index("jawOpen"), teeth, 1]
    upper, lower = falls[: len(teeth) // 2], falls[len(teeth) // 2 :]
    # The last molars fall so little that those of the lower row stand among the upper ones; no open mouth shows them.
    assert np.abs(upper[4:-4]).max() < 0.2
    assert lower.min() > 0.5
