"""What the commands share: the terminal, its progress bars, and the options that several of them take."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

Model = Annotated[
    str, typer.Option("--model", "-m", help="A .mien file, or the name of a bundle that ships with mien.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, an engine such as litert, or ENGINE:DEVICE.")]
MaxFaces = Annotated[int, typer.Option(min=1, max=32, help="How many faces to follow.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output and nothing else.")]


class Group(TyperGroup):
    """Ends quietly, as done, when the reader of a pipe (`mien ... | head -1`) has seen enough."""

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # What Python still flushes at its end has to go somewhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


class _Console(Console):
    """Prints text as it is: names in bundles, paths and engines' messages are neither markup nor terminal commands."""

    def say(self, *texts: object) -> None:
        """Prints lines; characters that are not printable appear as their escapes."""
        for text in texts:
            self.print(plain(text), soft_wrap=True)

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError that is being handled


def plain(text: object) -> str:
    """The text with control characters, terminal sequences among them, as visible escapes."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(text))


out = _Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
err = _Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error; yields the function that advances it. Silent where nobody watches."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(plain(what), total=total)
        yield lambda: bar.advance(task)
