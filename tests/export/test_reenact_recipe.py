"""The reenact recipe: what the shipped bundle says, and what its pictures are judged by."""

from __future__ import annotations

import mien
import numpy as np
import pytest
import torch

from export.recipes import reenact


@pytest.mark.shared
def test_the_recipe_says_what_the_shipped_bundle_says() -> None:
    recipe = reenact.recipe(None)
    session = mien.open("reenact", device="onnxruntime", precision="fp32", threads=1)._load("reenact")
    assert recipe.module is not None
    said = session.run({name: example.numpy() for name, example in recipe.inputs.items()})
    with torch.no_grad():
        expected = recipe.module(*recipe.inputs.values())
    for name, value in zip(recipe.outputs, expected, strict=True):
        np.testing.assert_allclose(said[name], value.numpy(), atol=1e-3, err_msg=name)


def test_metrics_are_decibels_and_structure_lost() -> None:
    rng = np.random.default_rng(1)
    truth = {name: rng.random((1, 3, 256, 256)).astype(np.float16) for name in ("warped", "source", "truth")}
    truth["warped"] = truth["truth"]
    exact = {"keep": np.ones((1, 4, 128, 128), np.float32), "change": np.zeros((1, 12, 128, 128), np.float32)}
    assert reenact.metrics(exact, truth) == {"psnr_lost_db": pytest.approx(-39), "ssim_lost": pytest.approx(0)}
    half = {**exact, "keep": exact["keep"] / 2}
    worse = reenact.metrics(half, truth)
    assert worse["psnr_lost_db"] > 40
    assert worse["ssim_lost"] > 0.1
