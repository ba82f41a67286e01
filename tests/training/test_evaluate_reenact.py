"""What the evaluation of portraits keeps of a run before, where it cannot measure anew."""

from __future__ import annotations

import json
from pathlib import Path

from training.evaluate_reenact import measured_before


def test_the_keypoints_figures_are_kept_with_the_commit_that_they_were_measured_at(tmp_path: Path) -> None:
    record = tmp_path / "reenact.json"
    assert measured_before(record) == {}
    figures = {"keypoints same": {"psnr": 20.0}, "keypoints cross": {"psnr": 19.0}, "ours same": {"psnr": 21.0}}
    record.write_text(json.dumps({"commit": "first", "figures": figures}))
    kept = measured_before(record)
    assert kept == {"keypoints same": {"psnr": 20.0}, "keypoints cross": {"psnr": 19.0}, "keypoints_at": "first"}
    record.write_text(json.dumps({"commit": "second", "figures": kept}))
    assert measured_before(record)["keypoints_at"] == "first"
    record.write_text(json.dumps({"commit": "third", "figures": {"ours same": {"psnr": 21.0}}}))
    assert measured_before(record) == {}
