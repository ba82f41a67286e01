"""Exports a model to every engine, proves it, and writes one bundle.

    python -m export face -o face.mien                              # a default bundle again, from its own weights
    python -m export face --from out/training/face/face.pt          # from a checkpoint of training, or another bundle
    python -m export my_recipe.py --from weights.pt --targets ort-cpu,litert-int8 -o mine.mien
    python -m export --from model.onnx --calibration pictures/ -o model.mien

Exit code 1 and no bundle if the gate refuses an int8 target; the report is written in any case.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from export.errors import ExportError
from export.key import key_in, key_of
from export.plugins import chosen
from training.command import run

_ROOT = Path(__file__).resolve().parent.parent


def main(
    source: Annotated[str | None, typer.Argument(help="a recipe: file of export/recipes, or a .py file")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="the bundle [default: SOURCE.mien]")] = None,
    targets: Annotated[
        str, typer.Option(help="'default': CPUs in float and int8; 'all'; or names with commas, see `--list`")
    ] = "default",
    origin: Annotated[
        Path | None,
        typer.Option("--from", help="the recipe's checkpoint or bundle; without a recipe .onnx, .pt2, .tflite, .mien"),
    ] = None,
    network: Annotated[str, typer.Option(help="which network of a .mien file [default: the first]")] = "",
    calibration: Annotated[Path | None, typer.Option(help="folder with your own pictures")] = None,
    samples: Annotated[int, typer.Option(help="how many to calibrate on")] = 300,
    method: Annotated[str, typer.Option(help="of int8 ONNX: file of quantization/methods")] = "nncf-ptq",
    shape: Annotated[list[str] | None, typer.Option(help="NAME=1,3,224,224 for open shapes; repeatable")] = None,
    key: Annotated[Path | None, typer.Option(help="sign with this raw 32-byte Ed25519 key")] = None,
    npu: Annotated[
        bool, typer.Option(help="also compile NPU targets ahead of time (needs Wine, see export/npu)")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="targets built at the same time")] = 1,
    work: Annotated[Path, typer.Option(help="folder of everything between")] = _ROOT / "out" / "export",
    list_targets: Annotated[bool, typer.Option("--list", help="list the targets and leave")] = False,
) -> None:
    """See the module's text."""
    if list_targets:
        from export.run import print_targets

        print_targets()
        return
    if source is None and origin is None:
        raise ExportError("export.source", "Give a recipe, or a model file with --from.", "See docs/export.md.")
    wanted, every = chosen(targets)
    out = output or Path(f"{Path(source or str(origin)).stem}.mien")
    shapes = dict(_shape(text) for text in shape or [])
    stated = {
        "recipe": source or "", "origin": origin, "pictures": calibration, "calibration": samples, "method": method,
        "shapes": shapes, "network": network,
    }  # fmt: skip
    files = [path for path in (Path(source or ""), origin, calibration) if path is not None and path.is_file()]
    files += [calibration] if calibration and calibration.is_dir() else []
    files += _shipped()  # they find faces in pictures, and their weights are what recipes begin with
    if source and source.endswith(".py"):
        files += sorted(Path(source).parent.glob("*.py"))  # what a recipe imports lies beside it
    fresh = key_of({**stated, "targets": sorted(wanted), "signed": key is not None, "npu": npu}, files)
    if out.is_file() and key_in(out) == fresh:
        print(f"{out} is up to date.")
        return
    from export.run import export
    from export.settings import Settings
    from export.sources import open_source

    seal = _key(key) if key else None
    settings = Settings(work=work, **stated)  # type: ignore[arg-type]
    written = export(
        lambda: open_source(settings), settings, wanted, out,
        every=every, key=fresh, signature=seal, jobs=jobs, npu=npu,
    )  # fmt: skip
    if not written:
        raise SystemExit(1)


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, extents = text.partition("=")
    try:
        return name, tuple(int(extent) for extent in extents.split(","))
    except ValueError as error:
        raise ExportError("export.dynamic", f"{text!r} is no shape.", "Write it as NAME=1,3,224,224.") from error


def _shipped() -> list[Path]:
    from mien.locate import locate, shipped

    return [locate(name) for name in shipped()]


def _key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError("export.key", f"The key {path} cannot be read: {error.strerror}.", "") from error


if __name__ == "__main__":
    run(main)
