"""The command lines of training."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import typer
from mien.errors import MienError


def run(main: Callable[..., Any]) -> None:
    """Runs `main` with the arguments given; a mistake of the user ends in one line, not in a trace."""
    for name in (signal.SIGINT, signal.SIGTERM):  # a job in the background starts with SIGINT ignored
        signal.signal(name, signal.default_int_handler)
    try:
        typer.run(main)
    except MienError as error:
        raise SystemExit(str(error)) from None
