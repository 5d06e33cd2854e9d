# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt`: verify bundles and show what is in one."""

from __future__ import annotations

import json
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

import click
from rich.console import Console

from cortensor.errors import Error, InvalidInput, VerificationFailed
from cortensor.pricing import load_card
from cortensor.receipts.bundle import MAX_BUNDLE_BYTES, Bundle
from cortensor.receipts.canonical import load_json
from cortensor.receipts.checks import CONSISTENT, FAILED, VERIFIED, Check, Verification
from cortensor.receipts.show import plain, receipt_view, verification_view
from cortensor.receipts.verify import NOT_PROVEN, verify_bundle

if TYPE_CHECKING:
    from cortensor.consensus import TextModel
    from cortensor.pricing import RateCard
    from cortensor.receipts.anchor_view import AnchorView
    from cortensor.receipts.body import Body

UNREADABLE = 2
_EXIT_CODES = {VERIFIED: 0, FAILED: 1, CONSISTENT: 3}
_RANK = (0, 3, UNREADABLE, 1)
"""Exit codes from best to worst; of several files the worst decides."""


def read_file(path: str) -> object:
    """Return a file's JSON data.

    Raises:
        InvalidInput: if it cannot be read or is no JSON a receipt can be in.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read: {error.strerror}", field=path) from error
    if len(data) > MAX_BUNDLE_BYTES:
        raise InvalidInput(f"exceeds {MAX_BUNDLE_BYTES} bytes", field=path)
    try:
        return load_json(data)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=path) from error


def _view(rpc: str | None, body: Body) -> AnchorView | None:
    if rpc is None:
        return None
    # Imported here: verifying offline must not load a chain client.
    module = import_module("cortensor.chain.verify")
    return cast("AnchorView", module.ChainView(rpc, body.chain))


class Trusted(TypedDict):
    """What the verifier knows by other means; see `verify_bundle`."""

    card: RateCard | None
    root: str | None
    signer: str | None
    session_payment: str | None


def verify_file(
    path: str, rpc: str | None, trusted: Trusted, minilm: Path | None = None
) -> Verification:
    """Verify one file; a malformed bundle is a verification with one failed check.

    Raises:
        InvalidInput: if the file cannot be read as JSON.
        Unavailable: if the node cannot be reached.
    """
    data = read_file(path)
    try:
        bundle = Bundle.from_json(data)
    except VerificationFailed as error:
        checks = (Check("format", FAILED, str(error)),)
        return Verification(receipt_id="", checks=checks, not_proven=NOT_PROVEN)
    view = _view(rpc, bundle.receipt)
    return verify_bundle(bundle, view, models=partial(_model, minilm), **trusted)


@cache
def _model(minilm: Path | None, name: str) -> TextModel | None:
    # Imported here: most receipts need no embedding, and its packages are an extra.
    found = import_module("cortensor.embedding").model_for(name, minilm)
    return cast("TextModel | None", found)


@click.group()
def receipt() -> None:
    """Show and verify receipts."""


@receipt.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--rpc", metavar="URL", help="Node to check card, anchor and settlement against.")
@click.option("--card", "card_path", metavar="FILE", help="A rate card you trust, TOML.")
@click.option("--root", metavar="HEX", help="A batch root you know to be anchored.")
@click.option("--signer", metavar="ADDRESS", help="The router's signer you trust.")
@click.option("--session-payment", metavar="ADDRESS", help="The SessionPayment you trust.")
@click.option(
    "--minilm",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The files of MiniLM, to make its similarities again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    files: tuple[str, ...],
    rpc: str | None,
    card_path: str | None,
    root: str | None,
    signer: str | None,
    session_payment: str | None,
    minilm: Path | None,
    as_json: bool,
) -> None:
    """Verify bundles.

    VERIFIED: nothing failed, and contract, signer, card and anchored are proven (--rpc with
    --session-payment, or --session-payment, --signer, --card and --root). CONSISTENT: nothing
    failed, but one of those is open; anyone can make such a receipt with a key of their own.
    FAILED: a check failed.

    Exit codes: 0 all verified, 1 a receipt failed, 2 a file could not be read, 3 nothing failed
    but a receipt is only consistent. With several, 1 goes before 2 and 2 before 3.
    """
    trusted = Trusted(
        card=None if card_path is None else load_card(card_path),
        root=root,
        signer=signer,
        session_payment=session_payment,
    )
    console = Console()
    codes = {0}
    results: list[dict[str, Any]] = []
    for path in files:
        try:
            verification = verify_file(path, rpc, trusted, minilm)
        except Error as error:
            codes.add(UNREADABLE)
            results.append({"file": path, "ok": False, "error": error.problem()})
            if not as_json:
                click.echo(f"{path}: unreadable: {plain(error.reason)}", err=True)
            continue
        codes.add(_EXIT_CODES[verification.verdict])
        results.append({"file": path, **verification.to_json()})
        if not as_json:
            console.print(verification_view(path, verification))
    if as_json:
        click.echo(json.dumps(results, indent=2))
    ctx.exit(max(codes, key=_RANK.index))


@receipt.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the receipt body as JSON.")
@click.pass_context
def show(ctx: click.Context, file: str, *, as_json: bool) -> None:
    """Show what a bundle says, without verifying it."""
    try:
        bundle = Bundle.from_json(read_file(file))
    except Error as error:
        click.echo(f"{file}: unreadable: {plain(str(error))}", err=True)
        ctx.exit(UNREADABLE)
    if as_json:
        click.echo(json.dumps(bundle.receipt.to_json(), indent=2))
        return
    Console().print(receipt_view(bundle))
