"""Samples of sensors in a text file."""

from __future__ import annotations

from pathlib import Path

import mien
import numpy as np
import pytest
from mien.errors import SinkError, SourceError
from mien.sources.imu_csv import write
from mien.types import ImuWindow

HEADER = "t_ns,head_ax,head_ay,head_az,head_gx,head_gy,head_gz"


def file(folder: Path, *lines: str) -> Path:
    path = folder / "samples.imu.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def test_a_line_is_a_window(tmp_path: Path) -> None:
    source = mien.ImuCsv(str(file(tmp_path, "5,1,2,3,4,5,6", "10,7,8,9,,,")))
    first, second = source.read(), source.read()
    assert first is not None
    assert second is not None
    assert source.read() is None
    assert first.sensors == ("head",)
    assert (first.t_ns.tolist(), first.acc.tolist(), first.gyro.tolist()) == ([5], [[[1, 2, 3]]], [[[4, 5, 6]]])
    assert second.acc.tolist() == [[[7, 8, 9]]]
    assert np.isnan(second.gyro).all()


def test_windows_may_hold_more_lines(tmp_path: Path) -> None:
    lines = [f"{k},1,2,3,4,5,6" for k in range(1, 2001)]
    source = mien.ImuCsv(str(file(tmp_path, *lines)), rows=3)
    windows = list(iter(source.read, None))
    assert [len(w.t_ns) for w in windows] == [3] * 666 + [2]
    assert np.concatenate([w.t_ns for w in windows]).tolist() == list(range(1, 2001))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    windows = [w for w in iter(mien.Simulator("sim:imu6?seconds=2").read, None) if isinstance(w, ImuWindow)]
    windows[3].acc[0, 2] = np.nan
    windows[3].gyro[0, 2] = np.nan
    write(tmp_path / "a.imu.csv", windows)
    source = mien.sources.select.open_source(str(tmp_path / "a.imu.csv"))
    assert isinstance(source, mien.ImuCsv)
    for expected, got in zip(windows, iter(source.read, None), strict=True):
        assert got.sensors == expected.sensors
        np.testing.assert_array_equal(got.t_ns, expected.t_ns)
        np.testing.assert_allclose(got.acc, expected.acc, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(got.gyro, expected.gyro, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["1,2,3"], "line 2: 3 cells, expected 7"),
        (["1,2,3,4,5,6,x"], "lines 2 and on"),
        (["noon,2,3,4,5,6,7"], "lines 2 and on"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    source = mien.ImuCsv(str(file(tmp_path, *lines)))
    with pytest.raises(SourceError, match=rf"\[source.format\] samples.imu.csv, {said}"):
        source.read()
    source.close()


def test_a_bad_header_is_named(tmp_path: Path) -> None:
    path = tmp_path / "b.imu.csv"
    path.write_text("t_ns,head_ax,head_az\n")
    with pytest.raises(SourceError, match="column 'head_az'"):
        mien.ImuCsv(str(path))


def test_a_missing_file_and_impossible_windows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"\[source.missing\]"):
        mien.ImuCsv(str(tmp_path / "none.imu.csv"))
    with pytest.raises(SourceError, match=r"\[source.setting\]"):
        mien.ImuCsv(str(file(tmp_path, "1,1,1,1,1,1,1")), rows=0)


def test_sensors_do_not_change_within_a_file(tmp_path: Path) -> None:
    values = np.zeros((1, 1, 3), np.float32)
    windows = [ImuWindow(np.array([k]), values, values, (name,)) for k, name in enumerate(["head", "chin"])]
    with pytest.raises(SourceError, match=r"\[imu.sensor\]"):
        write(tmp_path / "c.imu.csv", windows)
    with pytest.raises(SinkError):
        write(tmp_path / "none" / "c.imu.csv", windows)
