"""mien.backends.worker: engines keep to the cores and the priority that they are given; the host stays as it is."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import mien
import models
import numpy as np
import pytest
from mien.backends.worker import Worker
from mien.errors import InputError

if sys.platform != "linux":
    pytest.skip("threads are placed on Linux alone", allow_module_level=True)

CORE = max(os.sched_getaffinity(0))

_PLACED = """
import json, os, pathlib, sys
import mien, numpy as np
bundle, engine, core = sys.argv[1], sys.argv[2], int(sys.argv[3])
tasks = pathlib.Path("/proc/self/task")
threads = lambda: {int(task.name) for task in tasks.iterdir()}
seen = lambda tid: [sorted(os.sched_getaffinity(tid)), os.getpriority(os.PRIO_PROCESS, tid)]
main, picture = os.getpid(), np.zeros((480, 640, 3), np.uint8)
mien.open(bundle, device=engine, threads=2).process(picture)  # its libraries, and what they start at their import
before, own = threads(), seen(main)
face = mien.open(bundle, device=engine, threads=2, cores=[core], low_priority=True)
face.process(picture)
spent = lambda tid: sum(map(int, (tasks / str(tid) / "stat").read_text().rsplit(")", 1)[1].split()[11:13]))
new = {tid: spent(tid) for tid in threads() - before}
for _ in range(60):
    face.process(picture)
print(json.dumps({"new": [seen(tid) for tid in new], "before": own, "after": seen(main),
                  "worked": sum(spent(tid) - was for tid, was in new.items())}))
"""


@pytest.mark.parametrize(("engine", "least"), [("onnxruntime", 3), ("openvino", 2)])
def test_the_threads_of_an_engine_are_where_they_were_asked_to_be(engine: str, least: int) -> None:
    _check_placed("face", engine, least)


def test_the_threads_of_litert_too(mediapipe_bundle: Path) -> None:
    _check_placed(str(mediapipe_bundle), "litert", 3)


def _check_placed(bundle: str, engine: str, least: int) -> None:
    """least: threads that are new; a worker for each network, and what their engine starts."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    command = [sys.executable, "-W", "ignore", "-c", _PLACED, bundle, engine, str(CORE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert len(said["new"]) >= least
    assert said["new"] == [[[CORE], min(nice + 10, 19)]] * len(said["new"])
    assert said["worked"] > 0  # it is them that compute
    assert said["after"] == said["before"] == [sorted(os.sched_getaffinity(0)), nice]


@pytest.mark.parametrize("cores", [[], [4096], "0", [CORE, -1], 1])
def test_cores_that_are_not_there_are_refused(cores: object) -> None:
    with pytest.raises(InputError) as refusal:
        mien.open("detect", cores=cores)  # type: ignore[arg-type]
    assert refusal.value.code == "open.cores"
    assert str(CORE) in refusal.value.advice


def test_streams_that_share_a_placed_engine_see_what_others_see(tmp_path: Path) -> None:
    path = models.write_detect(tmp_path / "detect.mien")
    pictures = [models.blocks((k % 3, k // 3 % 3), t_ns=k * 10_000_000) for k in range(1, 200)]
    with mien.open(path) as plain:
        expected = [plain.process(picture).box for picture in pictures]
    with mien.open(path, cores=[CORE]) as first:
        streams = [first, first.fork(), first.fork()]
        boxes: list[list[object]] = [[] for _ in streams]

        def look(k: int) -> None:
            boxes[k] = [streams[k].process(picture).box for picture in pictures]

        threads = [threading.Thread(target=look, args=(k,)) for k in range(len(streams))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert boxes == [expected] * 3


def test_the_budget_counts_what_a_placed_engine_computes(tmp_path: Path) -> None:
    path = models.write_detect(tmp_path / "detect.mien")
    mien.set_budget(cpu_percent=0.01)
    try:
        with mien.open(path, cores=[CORE]) as pipeline:
            for k in range(1, 50):
                pipeline.process(models.blocks((1, 1), t_ns=k * 10_000_000))
            assert pipeline.report().skipped > 40
    finally:
        mien.set_budget(cpu_percent=None)


def test_the_thread_ends_with_its_engine(tmp_path: Path) -> None:
    path = models.write_detect(tmp_path / "detect.mien")
    before = set(threading.enumerate())
    pipeline = mien.open(path, low_priority=True)
    pipeline.process(np.zeros((90, 90, 3), np.uint8))
    (worker,) = [thread for thread in set(threading.enumerate()) - before if thread.name == "mien-engine"]
    assert worker.is_alive()
    pipeline.close()
    del pipeline
    gc.collect()
    worker.join(5)
    assert not worker.is_alive()


def test_what_the_work_raises_comes_out_and_a_job_that_hangs_is_given_up() -> None:
    worker = Worker("mien-test")
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 // 0)
    assert worker.call(threading.get_native_id) != threading.get_native_id()
    with pytest.raises(TimeoutError):
        worker.call(lambda: time.sleep(0.5), seconds=0.05)
