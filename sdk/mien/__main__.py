"""The `mien` command, also as `python -m mien`. It needs the extra `cli`; the library itself does not."""

from __future__ import annotations

import sys

from mien.errors import MissingExtraError


def main() -> None:
    """Runs the command line, or says how to install it."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as error:
        sys.exit(str(MissingExtraError("cli", error.name or "typer", "The mien command")))
    from mien import cli

    cli.main()


if __name__ == "__main__":
    main()
