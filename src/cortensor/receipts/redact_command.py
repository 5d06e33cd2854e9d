# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt redact`: a bundle with less in it, for someone who needs less."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cortensor.errors import InvalidInput
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.disclose import attach, detach, disclose
from cortensor.receipts.sources import BODIES, Router, read_source, texts_beside


@click.command()
@click.argument("file", type=click.Path())
@click.option("--show", "shown", metavar="PART", multiple=True, help="Keep only these parts.")
@click.option("--hide", "hidden", metavar="PART", multiple=True, help="Leave these parts out.")
@click.option(
    "--detach",
    "over_bytes",
    metavar="BYTES",
    type=click.IntRange(min=0),
    help="Put larger texts into files beside --out.",
)
@click.option("--out", metavar="FILE", type=click.Path(), help="Where to write; else to stdout.")
def redact(
    *,
    file: str,
    shown: tuple[str, ...],
    hidden: tuple[str, ...],
    over_bytes: int | None,
    out: str | None,
) -> None:
    """Write a bundle with fewer parts, which still verifies.

    Parts are `request` and `replica:0`, `replica:1`, …: what was asked, and what each replica
    answered. The receipt itself stays whole: its summary shows the start of a delegation's answer.
    """
    bundle = Bundle.from_json(read_source(file, Router()))
    bundle = attach(bundle, texts_beside(file, bundle.detached(), Router()))
    bundle = disclose(bundle, show=shown, hide=hidden)
    texts: dict[str, str] = {}
    if over_bytes is not None:
        if out is None:
            raise InvalidInput("needs --out: the texts are put beside it", field="--detach")
        bundle, texts = detach(bundle, over_bytes)
    written = json.dumps(bundle.to_json(), ensure_ascii=False, indent=1)
    if out is None:
        click.echo(written)
        return
    try:
        Path(out).write_text(written + "\n", encoding="utf-8")
        folder = Path(out + BODIES)
        if texts:
            folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            folder.joinpath(f"{name}.txt").write_bytes(text.encode())
    except OSError as error:
        raise InvalidInput(f"cannot write: {error.strerror}", field=out) from error
    withheld = ", ".join(bundle.withheld()) or "nothing"
    click.echo(f"{out}: withheld: {withheld}")
