"""The `imu` bundle's speed: one step, a real UDP socket from sample to coefficients, and a day of samples.

step: median of process() on windows of one row at 100 Hz, twelve sensors and the head's, on one pinned core; native
preparation, network, filter and state are in it. udp: another process sends simulated packets at 100 Hz through the
loopback socket; 5 % are lost and 5 % overtaken by the next one. The latency of a sample, of those that were lost too,
is from its sending to the first state that was made after it, or a later sample in its place, had been taken in, and
whose step ends at or after it. Packets repeat the row before theirs and go out twice, the second time 5 ms later (udp),
which loss may take as well; or they go out once (udp_once), and repeat nothing (udp_plain): then one sample of a
hundred waits 20 ms for any packet to arrive, whatever is done with those that do. day: 24 h of samples in windows of
ten rows; resident memory after the first hour and at the end.
"""

from __future__ import annotations

import argparse
import gc
import json
import socket
import subprocess
import sys
import time
from typing import Any

import mien
import numpy as np
from mien import imu_packet
from mien.machine import resident_mb
from mien.types import ImuWindow

from benchmarks._report import ROOT, keep, pin, verdict

SEED = 1
HZ = 100
STEP_MS, LATENCY_MS, FASTER, GROWTH_MB = 0.15, 20.0, 60.0, 2.0
STEPS, CALIBRATION = 5000, 300
UDP_SECONDS = 30
LOST, OVERTAKEN = 0.05, 0.05


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--send", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--repeat", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--copies", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.send:
        _send(arguments.send, arguments.repeat, arguments.copies)
        return
    figures: dict[str, Any] = {"udp": _udp(1, 2), "udp_once": _udp(1, 1), "udp_plain": _udp(0, 1)}
    core = pin()
    figures["step"] = _step()
    figures["day"] = _day(arguments.hours)
    figures["asked"] = [
        verdict("one step, median", figures["step"]["p50_ms"], STEP_MS, " ms"),
        verdict("sample to coefficients over UDP, 99 of 100", figures["udp"]["latency_p99_ms"], LATENCY_MS, " ms"),
        verdict("the same, packets sent once", figures["udp_once"]["latency_p99_ms"], LATENCY_MS, " ms"),
        verdict("the same, once and nothing repeated", figures["udp_plain"]["latency_p99_ms"], LATENCY_MS, " ms"),
        verdict("samples, times real time", figures["day"]["times_real_time"], FASTER, "", below=False),
        verdict(f"memory growth over {arguments.hours:g} h of samples", figures["day"]["growth_mb"], GROWTH_MB, " MB"),
    ]
    print("kept", keep("imu", {**figures, "core": core}, SEED).relative_to(ROOT))


def _windows(seconds: float) -> list[ImuWindow]:
    source = mien.Simulator(f"sim:imu12?seconds={seconds}&seed={SEED}")
    return list(iter(source.read, None))


def _step() -> dict[str, Any]:
    windows = _windows((STEPS + CALIBRATION) / HZ + 1)
    times = np.zeros(STEPS)
    with mien.open("imu", threads=1) as pipeline:
        for window in windows[:CALIBRATION]:
            pipeline.process(window)
        for k in range(STEPS):
            began = time.perf_counter_ns()
            state = pipeline.process(windows[CALIBRATION + k])
            times[k] = (time.perf_counter_ns() - began) / 1e6
        if not state.found:
            sys.exit("the sensors were never calibrated")
        report = pipeline.report()
    p50, p99 = np.percentile(times, [50, 99])
    used = [f"{choice.used} {choice.precision}" for choice in report.networks]
    return {"steps": STEPS, "p50_ms": float(p50), "p99_ms": float(p99), "ran_on": used, "stages": report.stages}


def _send(port: int, repeat: int, copies: int) -> None:
    """The sensors, read at even times of this machine's monotonic clock, which the receiver shares.

    Prints these times and when each sample was sent for the first time: a machine that is busy sends late.
    """
    rng = np.random.default_rng(SEED)
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    windows = _windows(UDP_SECONDS)
    times: list[int] = []
    sent: list[int] = []
    begin = time.monotonic_ns() + 200_000_000
    late: bytes | None = None
    data = b""
    for turn in range(len(windows) * copies):
        number, again = divmod(turn, copies)
        due = begin + turn * 1_000_000_000 // (HZ * copies)
        while (left := due - time.monotonic_ns()) > 0:
            time.sleep(left / 1e9)
        if not again:
            times.append(due)
            sent.append(time.monotonic_ns())
            data = _packet(number, windows[max(number - repeat, 0) : number + 1], times)
        if rng.random() < LOST:
            continue
        if late is None and rng.random() < OVERTAKEN:
            late = data  # goes out behind the next one
            continue
        line.sendto(data, ("127.0.0.1", port))
        if late is not None:
            line.sendto(late, ("127.0.0.1", port))
            late = None
    print(json.dumps([times, sent]))


def _packet(number: int, rows: list[ImuWindow], times: list[int]) -> bytes:
    """The last of these rows as new, those before as repeated."""
    acc, gyro = (np.concatenate([getattr(w, name) for w in rows]) for name in ("acc", "gyro"))
    window = ImuWindow(np.array(times[-len(rows) :]), acc, gyro, rows[0].sensors)
    return imu_packet.encode(number, window, repeated=len(rows) - 1)


def _udp(repeat: int, copies: int) -> dict[str, Any]:
    source = mien.Udp("udp:127.0.0.1:0", timeout_s=2.0)
    fresh = []  # when a step was there, the time of its end, and that of the newest sample in it
    with mien.open("imu", threads=1) as pipeline:
        for window in _windows(3):  # loads and warms everything before the clock counts
            pipeline.process(window)
        command = [sys.executable, "-m", "benchmarks.imu", "--send", str(source.port)]
        command += ["--repeat", str(repeat), "--copies", str(copies)]
        sender = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        try:
            for window, states in pipeline.stream_all(source):
                now = time.monotonic_ns()
                if states and not states[0].stale:
                    fresh.append((now, states[0].t_ns, int(window.t_ns[-1])))
        except mien.SourceError as error:
            if error.code != "source.silent":
                raise
        finally:
            said, _ = sender.communicate()
            source.close()
    there, ends, newest = np.array(fresh).T
    taken, sent = np.array(json.loads(said))
    counted = (taken > ends[0]) & (taken <= newest[-1])  # from the calibration to the last packet that came
    taken, sent = taken[counted], sent[counted]
    holding = np.maximum(np.searchsorted(ends, taken), np.searchsorted(newest, taken))
    latencies = (there[holding] - sent) / 1e6
    p50, p99 = np.percentile(latencies, [50, 99])
    return {
        "samples": len(sent),
        "packets_received": source.received,
        "packets_lost": source.lost,
        "packets_recovered": source.recovered,
        "packets_late": source.late,
        "latency_p50_ms": float(p50),
        "latency_p99_ms": float(p99),
        "latency_max_ms": float(np.max(latencies)),
    }


def _day(hours: float) -> dict[str, Any]:
    rows, block = 10, 60 * HZ
    once = _windows(63)[CALIBRATION : CALIBRATION + block]
    acc, gyro = (np.concatenate([getattr(w, name) for w in once]) for name in ("acc", "gyro"))
    sensors, total = once[0].sensors, int(hours * 3600 * HZ)
    marks: list[float] = []
    with mien.open("imu", threads=1) as pipeline:
        for window in _windows(3):
            pipeline.process(window)
        first = int(window.t_ns[-1]) + 10_000_000
        calibration = pipeline.calibration()
        pipeline.set_calibration(calibration)
        began, early = time.perf_counter(), 0.0
        for k in range(0, total, rows):
            at = k % block
            times = first + (k + np.arange(rows, dtype=np.int64)) * (1_000_000_000 // HZ)
            pipeline.process(ImuWindow(times, acc[at : at + rows], gyro[at : at + rows], sensors))
            if k == total // 24 // rows * rows:
                gc.collect()
                early = resident_mb()
            if k % (total // 48 // rows * rows) == 0:
                marks.append(round(resident_mb(), 2))
        spent = time.perf_counter() - began
    gc.collect()
    end = resident_mb()
    return {
        "hours": hours,
        "seconds": spent,
        "times_real_time": hours * 3600 / spent,
        "rss_early_mb": early,
        "rss_end_mb": end,
        "growth_mb": end - early,
        "rss_mb": marks,
    }


if __name__ == "__main__":
    main()
