"""mien.tasks.expression: what a face expresses, beside all that the face task gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mien
import numpy as np
import pytest
from direct_models import EXPRESSION, drop_outputs, write_direct
from mien.errors import BundleError, InputError
from models import blocks


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_direct(tmp_path_factory.mktemp("expression") / "a.mien", "expression")


def first(path: Path, **options: Any) -> mien.FaceState:
    with mien.open(path, **options) as pipeline:
        return pipeline.process(blocks((2, 3), t_ns=0))


def test_expressions_come_by_name_and_within_their_range(bundle: Path) -> None:
    state = first(bundle)
    assert state.aus == {"AU01": 0, "AU12": 0.5, "AU26": 1}
    assert state.emotion == {"neutral": 0.25, "happy": 0.75}
    assert (state.valence, state.arousal, state.unknown) == (0.5, -1, 0.125)
    assert state.attention is not None
    assert state.attention.shape == (14, 14)
    assert state.attention.sum() == pytest.approx(1)


def test_all_that_a_face_has_is_there_too(bundle: Path, tmp_path: Path) -> None:
    state, face = first(bundle), first(write_direct(tmp_path / "face.mien"))
    assert (state.box, state.head, state.extras, state.visibility) == (
        face.box,
        face.head,
        face.extras,
        face.visibility,
    )
    np.testing.assert_array_equal(state.values, face.values)


def test_the_neutral_embedding_is_taken_off(bundle: Path) -> None:
    plain = first(bundle)
    assert plain.embedding is not None
    np.testing.assert_allclose(plain.embedding, [0.6, 0.8, 0, 0], atol=1e-6)
    moved = first(bundle, neutral=np.float32([3, 3, 0, 0]))
    assert moved.embedding is not None
    np.testing.assert_allclose(moved.embedding, [0, 1, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(moved.raw_embedding, [3, 4, 0, 0])


def test_a_neutral_embedding_is_kept_by_reset_and_fork_and_can_be_forgotten(bundle: Path) -> None:
    given = np.float32([3, 3, 0, 0])
    with mien.open(bundle) as pipeline:
        pipeline.set_neutral(given)
        given[:] = 100  # ours to change
        pipeline.reset()
        for stream in (pipeline, pipeline.fork()):
            state = stream.process(blocks((2, 3), t_ns=0))
            assert state.embedding is not None
            assert state.embedding.tolist() == pytest.approx([0, 1, 0, 0], abs=1e-6)
        pipeline.set_neutral(None)
        state = pipeline.process(blocks((2, 3), t_ns=1))
        assert state.embedding is not None
        assert state.embedding.tolist() == pytest.approx([0.6, 0.8, 0, 0], abs=1e-6)


def test_a_stream_s_neutral_embedding_is_its_own(bundle: Path) -> None:
    with mien.open(bundle) as pipeline:
        pipeline.fork().set_neutral(np.float32([3, 3, 0, 0]))
        state = pipeline.process(blocks((2, 3), t_ns=0))
        assert state.embedding is not None
        assert state.embedding[0] == pytest.approx(0.6)


@pytest.mark.parametrize("value", [np.zeros(3), np.zeros((1, 4)), np.array([1, np.nan, 0, 0]), "rest", [0, 0, 0, 0]])
def test_what_is_no_neutral_embedding_is_refused_and_changes_nothing(value: Any, bundle: Path) -> None:
    with mien.open(bundle, neutral=np.float32([3, 3, 0, 0])) as pipeline:
        with pytest.raises(InputError) as refused:
            pipeline.set_neutral(value)
        assert refused.value.code == "neutral.value"
        state = pipeline.process(blocks((2, 3), t_ns=0))
    assert state.embedding is not None
    assert state.embedding[1] == pytest.approx(1)


def test_a_bundle_that_takes_no_neutral_embedding_says_so(blocks_bundle: Path) -> None:
    with pytest.raises(InputError) as refused:
        mien.open(blocks_bundle, neutral=np.zeros(4, np.float32))
    assert refused.value.code == "neutral.unsupported"


def test_what_the_network_does_not_give_is_none(tmp_path: Path) -> None:
    def without(manifest: dict[str, Any]) -> None:
        drop_outputs(manifest, "affect", "unknown", "attention", "aus")
        del manifest["expression"]["aus"]

    state = first(write_direct(tmp_path / "a.mien", "expression", without))
    assert (state.valence, state.arousal, state.unknown, state.attention, state.aus) == (None,) * 5
    assert state.emotion is not None


def nothing_expressed(manifest: dict[str, Any]) -> None:
    manifest["expression"].clear()
    drop_outputs(manifest, *EXPRESSION, "embedding")


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no section": (lambda m: m.pop("expression"), "manifest.expression"),
    "units that do not fit": (lambda m: m["expression"].update(aus=["AU01"]), "outputs.aus"),
    "emotions that do not fit": (lambda m: m["expression"].update(emotions=["joy"]), "outputs.emotion"),
    "nothing expressed": (nothing_expressed, "no output"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_section_that_does_not_fit_is_refused_when_opened(
    change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=message) as refused:
        mien.open(write_direct(tmp_path / "a.mien", "expression", change))
    assert refused.value.code == "manifest.field"


def test_an_attention_map_of_another_form_is_refused(tmp_path: Path) -> None:
    path = write_direct(tmp_path / "a.mien", "expression", attention=np.zeros((1, 196), np.float32))
    with pytest.raises(BundleError, match="attention"):
        mien.open(path)
