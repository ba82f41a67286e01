"""Fine-tunes a finished bundle with a user's own labels, and makes a bundle of the result as any other export does.

    python -m export.finetune --labels my.csv --images pictures -o my.mien

The training is `training.finetune`; this is its command, and lives here because only export writes bundles.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from mien.bundle import Bundle
from mien.locate import locate, shipped
from rich.console import Console

from export.graph import round_to_half
from export.named import Named
from export.origin import open_origin
from export.pictures import fed
from export.plugins import chosen
from export.recipe import Recipe
from export.recipes import face
from export.run import ROOT, export
from export.settings import Settings
from training.command import run
from training.finetune import Result, finetune, table
from training.loop import keep_threads_apart
from training.weights import NETWORK

FLOAT = "ort-cpu,openvino-cpu,litert-cpu"


def recipe(base: Path, result: Result) -> Recipe:
    """The base's manifest and members with the new weights, and where they come from."""
    with Bundle.open(base) as bundle:
        fields: dict[str, Any] = json.loads(json.dumps(bundle.manifest.root.fields))
        blobs = dict(bundle.manifest.blobs)
    del fields["blobs"]
    network, known = fields["networks"][NETWORK], open_origin(base, NETWORK)
    generator = torch.Generator().manual_seed(0)
    inputs = {name: torch.rand(port["shape"], generator=generator) for name, port in network["inputs"].items()}
    outputs = list(network["outputs"])
    module = Named(result.network, len(outputs))
    finetuned = {
        "base": blobs,
        "pictures": result.rows,
        "held_out": result.held_out,
        "best_step": result.step,
        "held_out_scores": result.scores,
        **result.how,
    }
    lost = round_to_half(module, list(inputs.values()), face.WHOLE)
    fields["metrics"] = {**known.metrics_with(lost), "finetuned": finetuned}
    said = fields.get("training_data", "")
    fields["training_data"] = f"{said} Fine-tuned by its user on {result.rows} labelled pictures of their own.".strip()
    fields["name"] = f"{fields['name'].removesuffix('-finetuned')}-finetuned"
    return Recipe(
        name=fields["name"],
        module=module,
        inputs=inputs,
        outputs=outputs,
        manifest=fields,
        network=NETWORK,
        blobs=known.members,
        image="image",
        keep_whole=face.WHOLE,
        keep_float=(*face.HEADS, "heads."),
        columns=face.COLUMNS,
        cut=lambda shown: fed(shown, base, NETWORK, {name: name for name in inputs}),
        limits=face.LIMITS,
    )


def main(
    labels: Annotated[Path, typer.Option(help="CSV: image, then a column for each thing labelled")],
    images: Annotated[Path, typer.Option(help="the folder that the CSV's images are in")],
    bundle: Annotated[str | None, typer.Option(help="where to begin (default: expression, else face)")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="the new bundle")] = Path("finetuned.mien"),
    targets: Annotated[str, typer.Option(help="as of `python -m export`; int8 is judged on your pictures")] = FLOAT,
    steps: Annotated[int, typer.Option(min=1, help="of the optimiser, at most")] = 400,
    seed: Annotated[int, typer.Option(help="of the split, the views and the order")] = 1,
    work: Annotated[Path, typer.Option(help="folder of everything between")] = ROOT / "out" / "export",
) -> None:
    """Fine-tunes a bundle with your own labels."""
    keep_threads_apart()
    wanted, every = chosen(targets)
    start = locate(bundle or ("expression" if "expression" in shipped() else "face"))
    result = finetune(start, labels, images, steps=steps, seed=seed)
    console = Console()
    for name, why in result.skipped.items():
        console.print(f"left out {name}: {why}", markup=False)
    console.print(table(result))
    console.print(f"{result.rows} pictures learnt, {result.held_out} held out, best at step {result.step}")
    if not export(lambda: recipe(start, result), Settings(work, pictures=images), wanted, output, every=every):
        raise SystemExit(1)


if __name__ == "__main__":
    run(main)
