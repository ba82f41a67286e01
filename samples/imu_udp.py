"""Expression from sensors on the skin over UDP, without a camera: prints the three strongest coefficients.

python samples/imu_udp.py 9870                # listens for sensors (docs/imu.md has the packet)
python samples/imu_udp.py 9870 --simulate     # simulated sensors send to that port meanwhile

Hold head and face still for two seconds after the first packet: that is the calibration.
"""

from __future__ import annotations

import socket
import sys
import time
from threading import Thread

import mien
import numpy as np
from mien import imu_packet

SECONDS = 10


def send(port: int) -> None:
    """Simulated sensors, 100 packets a second; each repeats the row before its own, for packets get lost."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    begin = time.monotonic()
    source = mien.Simulator(f"sim:imu12?seconds={SECONDS}")
    before: mien.ImuWindow | None = None
    for number, window in enumerate(iter(source.read, None)):
        time.sleep(max(begin + number / 100 - time.monotonic(), 0))
        rows = joined(before, window) if before else window
        line.sendto(imu_packet.encode(number, rows, repeated=1 if before else 0), ("127.0.0.1", port))
        before = window


def joined(first: mien.ImuWindow, second: mien.ImuWindow) -> mien.ImuWindow:
    """The rows of both."""
    parts = [np.concatenate([getattr(w, name) for w in (first, second)]) for name in ("t_ns", "acc", "gyro")]
    return mien.ImuWindow(parts[0], parts[1], parts[2], second.sensors)


def main(port: int, simulate: bool) -> None:
    """Ten lines a second until no packet comes for three seconds."""
    source = mien.Udp(f"udp:{port}", timeout_s=3)
    if simulate:
        Thread(target=send, args=(source.port,), daemon=True).start()
    with mien.open("imu", threads=1) as face:
        calibrated = False
        try:
            for count, state in enumerate(face.stream(source)):
                if state.found and not calibrated:
                    calibrated = True
                    print("calibrated")
                if state.found and count % 10 == 0:
                    strongest = np.argsort(-np.where(state.valid, state.values, -1))[:3]
                    shown = "  ".join(f"{state.layout.names[k]} {state.values[k]:.2f}" for k in strongest)
                    print(f"{state.t_ns / 1e9:8.2f} s  {shown}")
        except mien.SourceError as error:
            if error.code != "source.silent":
                raise
        print(f"{source.received} packets, {source.lost} lost, {source.recovered} more came with the next")
        print(face.report())
    source.close()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not sys.argv[1].isdecimal() or sys.argv[2:] not in ([], ["--simulate"]):
        sys.exit(__doc__)
    main(int(sys.argv[1]), len(sys.argv) == 3)
