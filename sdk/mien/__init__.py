"""mien: facial expression on the device.

    import mien
    face = mien.open("face.mien")
    state = face.process(frame)          # one uint8 (H, W, 3) array or mien.Frame -> FaceState
    for state in face.stream(mien.Camera(0), drop="oldest"):
        print(state["jawOpen"], state.head)
    print(face.report())

Names are imported when first used, so `import mien` costs little more than numpy.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from mien.errors import (
    BundleError,
    DeviceError,
    InputError,
    LayoutError,
    MienError,
    MissingExtraError,
    ModelError,
    SinkError,
    SourceError,
    TimestampError,
)

if TYPE_CHECKING:
    from mien.budget import set_budget
    from mien.bundle import Bundle
    from mien.filters.constraints import Constraints
    from mien.filters.hold import Hold
    from mien.filters.one_euro import OneEuro
    from mien.imu import ImuCalibration
    from mien.layouts import ARKIT52, Layout, layout
    from mien.neutral import mean_embedding
    from mien.pipeline import Pipeline, open
    from mien.portrait.portrait import Portrait, Shown
    from mien.portrait.transfer import Transfer
    from mien.receiver import Receiver
    from mien.report import Report
    from mien.sources.camera import Camera
    from mien.sources.frames import Frames
    from mien.sources.image import Images
    from mien.sources.imu_csv import ImuCsv
    from mien.sources.raw import Raw
    from mien.sources.replay import Replay
    from mien.sources.serial import Serial
    from mien.sources.simulator import Simulator
    from mien.sources.udp import Udp
    from mien.sources.video import Video
    from mien.types import AudioBlock, FaceState, Frame, HeadPose, ImuWindow

__version__ = "0.1.0"

logging.getLogger("mien").addHandler(logging.NullHandler())  # silent unless the host asks

_HOMES = {
    "Bundle": "bundle",
    "set_budget": "budget",
    "Constraints": "filters.constraints",
    "Hold": "filters.hold",
    "OneEuro": "filters.one_euro",
    "ImuCalibration": "imu",
    "ARKIT52": "layouts",
    "Layout": "layouts",
    "layout": "layouts",
    "mean_embedding": "neutral",
    "Pipeline": "pipeline",
    "Report": "report",
    "open": "pipeline",
    "Portrait": "portrait.portrait",
    "Shown": "portrait.portrait",
    "Transfer": "portrait.transfer",
    "Receiver": "receiver",
    "Camera": "sources.camera",
    "Frames": "sources.frames",
    "Images": "sources.image",
    "ImuCsv": "sources.imu_csv",
    "Raw": "sources.raw",
    "Replay": "sources.replay",
    "Serial": "sources.serial",
    "Simulator": "sources.simulator",
    "Udp": "sources.udp",
    "Video": "sources.video",
    "AudioBlock": "types",
    "FaceState": "types",
    "Frame": "types",
    "HeadPose": "types",
    "ImuWindow": "types",
}

__all__ = [
    "ARKIT52",
    "AudioBlock",
    "Bundle",
    "BundleError",
    "Camera",
    "Constraints",
    "DeviceError",
    "FaceState",
    "Frame",
    "Frames",
    "HeadPose",
    "Hold",
    "Images",
    "ImuCalibration",
    "ImuCsv",
    "ImuWindow",
    "InputError",
    "Layout",
    "LayoutError",
    "MienError",
    "MissingExtraError",
    "ModelError",
    "OneEuro",
    "Pipeline",
    "Portrait",
    "Raw",
    "Receiver",
    "Replay",
    "Report",
    "Serial",
    "Shown",
    "Simulator",
    "SinkError",
    "SourceError",
    "TimestampError",
    "Transfer",
    "Udp",
    "Video",
    "__version__",
    "layout",
    "mean_embedding",
    "open",
    "set_budget",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mien.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
