"""mien.tasks.reenact: the driver's faces, as the face bundle gives them; and what a manifest must say."""

from __future__ import annotations

from pathlib import Path

import mien
import numpy as np
import pytest
from mien.bundle import Bundle
from mien.errors import BundleError
from mien.locate import film, locate


def frame() -> np.ndarray:
    video = mien.Video(str(film()))
    first = video.read()
    video.close()
    assert first is not None
    return first.to_rgb()


def test_the_driver_is_seen_as_the_face_bundle_sees_it() -> None:
    with mien.open("reenact") as reenact, mien.open("face") as face:
        ours, theirs = (pipeline.process(mien.Frame.of(frame(), t_ns=1)) for pipeline in (reenact, face))
    assert np.array_equal(ours.values, theirs.values)
    assert ours.head == theirs.head


def rewritten(path: Path, **changes: object) -> Path:
    with Bundle.open(locate("reenact")) as shipped:
        fields = dict(shipped.manifest.root.fields)
        blobs = {name: bytes(shipped.blob(name)) for name in shipped.manifest.blobs}
    fields["reenact"] = {**fields["reenact"], **changes}  # type: ignore[dict-item]
    fields.pop("blobs", None)
    Bundle.write(path, fields, blobs)
    return path


@pytest.mark.parametrize(
    "wrong", [{"mesh": "none.npz"}, {"span_cm": 0}, {"network": "other"}, {"face": "nobody"}, {"more": 1}]
)
def test_a_manifest_that_does_not_hold_together_is_refused(wrong: dict, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        mien.open(rewritten(tmp_path / "a.mien", **wrong))
