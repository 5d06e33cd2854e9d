# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt verify`."""

from __future__ import annotations

import json
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, cast

import click
from rich.console import Console

from cortensor.errors import Error, Unavailable, VerificationFailed
from cortensor.pricing import RateCard
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.checks import (
    CONSISTENT,
    FAILED,
    REFUSED,
    UNREACHABLE,
    VERIFIED,
    Check,
    Verification,
)
from cortensor.receipts.payments import clashes
from cortensor.receipts.policy_text import parse_policy
from cortensor.receipts.sdk import verify as verify_one
from cortensor.receipts.show import plain, verification_view
from cortensor.receipts.sources import Router, read_source, texts_beside
from cortensor.receipts.verify import NOT_PROVEN

if TYPE_CHECKING:
    from cortensor.consensus import TextModel
    from cortensor.receipts.anchor_view import AnchorView
    from cortensor.receipts.body import Body
    from cortensor.receipts.payments import Clash
    from cortensor.receipts.policy import Policy

BAD_INPUT, UNANSWERED = 2, 4
_EXIT_CODES = {VERIFIED: 0, FAILED: 1, CONSISTENT: 3, UNREACHABLE: UNANSWERED, REFUSED: 5}
_RANK = (0, 3, 5, UNANSWERED, BAD_INPUT, 1)
"""Exit codes from best to worst; of several receipts the worst decides."""


class Trusted(TypedDict):
    """What the verifier knows by other means; see `verify_bundle`."""

    card: RateCard | None
    root: str | None
    signer: str | None
    session_payment: str | None


class Asked(NamedTuple):
    """How receipts are to be verified."""

    router: Router
    rpc: tuple[str, ...]
    minilm: Path | None
    policy: Policy | None


def _view(rpc: tuple[str, ...], body: Body) -> AnchorView | None:
    if not rpc:
        return None
    # Imported here: verifying offline must not load a chain client.
    module = import_module("cortensor.chain.verify")
    return cast("AnchorView", module.ChainView(rpc, body.chain))


@cache
def _model(minilm: Path | None, name: str) -> TextModel | None:
    # Imported here: most receipts need no embedding, and its packages are an extra.
    found = import_module("cortensor.embedding").model_for(name, minilm)
    return cast("TextModel | None", found)


def verify_source(
    source: str, asked: Asked, trusted: Trusted
) -> tuple[Verification, Bundle | None]:
    """Verify one receipt; a malformed bundle is a verification with one failed check.

    Raises:
        InvalidInput: if the source cannot be read as JSON.
        Unavailable: if the router does not give it.
    """
    data = read_source(source, asked.router)
    try:
        bundle = Bundle.from_json(data)
    except VerificationFailed as error:
        checks = (Check("format", FAILED, str(error)),)
        return Verification(receipt_id="", checks=checks, not_proven=NOT_PROVEN), None
    found = verify_one(
        bundle,
        _view(asked.rpc, bundle.receipt),
        policy=asked.policy,
        texts=texts_beside(source, bundle.detached(), asked.router),
        models=partial(_model, asked.minilm),
        **trusted,
    )
    return found, bundle


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE|URN|URL…")
@click.option(
    "--rpc",
    metavar="URL",
    multiple=True,
    help="Node to check card, anchor and settlement against. Repeat for more, the preferred first.",
)
@click.option("--card", "card_path", metavar="FILE", help="A rate card you trust, TOML.")
@click.option("--root", metavar="HEX", help="A batch root you know to be anchored.")
@click.option("--signer", metavar="ADDRESS", help="The router's signer you trust.")
@click.option("--session-payment", metavar="ADDRESS", help="The SessionPayment you trust.")
@click.option("--router", metavar="URL", help="Where URNs and ids are looked up.")
@click.option(
    "--grant",
    metavar="TOKEN",
    envvar="CORTENSOR_GRANT",
    help="The session's grant, which a router wants for a bundle.",
)
@click.option(
    "--policy",
    "policies",
    metavar="RULES",
    multiple=True,
    help="Rules to be met: signer=0x…,operators=2,agreement=66.67%,younger=7d,tier=safe, …",
)
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
    sources: tuple[str, ...],
    rpc: tuple[str, ...],
    card_path: str | None,
    root: str | None,
    signer: str | None,
    session_payment: str | None,
    router: str | None,
    grant: str | None,
    policies: tuple[str, ...],
    minilm: Path | None,
    as_json: bool,
) -> None:
    """Verify receipts: files, URLs of a router, or ids that --router knows.

    VERIFIED: nothing failed, and signature, contract, signer, card and anchored are proven (--rpc
    with --session-payment, or --session-payment, --signer, --card and --root). CONSISTENT: nothing
    failed, but one of those is open; anyone can make such a receipt with a key of their own.
    FAILED: a check failed. UNREACHABLE: a node did not answer. REFUSED: a rule of --policy is not
    met. Several receipts of one payment fail together.

    Exit codes: 0 all verified, 1 a receipt failed, 2 a source could not be read, 3 nothing failed
    but a receipt is only consistent, 4 a node or router did not answer, 5 a policy is not met. With
    several, 1 goes before 2, then 4, 5 and 3.
    """
    trusted = Trusted(
        card=None if card_path is None else RateCard.load(card_path),
        root=root,
        signer=signer,
        session_payment=session_payment,
    )
    policy = parse_policy(",".join(policies)) if policies else None
    asked = Asked(Router(router, grant), rpc, minilm, policy)
    console = Console()
    codes = {0}
    results: list[dict[str, Any]] = []
    sound: list[Bundle] = []
    for source in sources:
        try:
            verification, bundle = verify_source(source, asked, trusted)
        except Error as error:
            is_away = isinstance(error, Unavailable)
            codes.add(UNANSWERED if is_away else BAD_INPUT)
            results.append({"file": source, "ok": False, "error": error.problem()})
            if not as_json:
                what = "unreachable" if is_away else "unreadable"
                click.echo(f"{source}: {what}: {plain(error.reason)}", err=True)
            continue
        codes.add(_EXIT_CODES[verification.verdict])
        results.append({"file": source, **verification.to_json()})
        if bundle is not None and not verification.failures:
            sound.append(bundle)
        if not as_json:
            console.print(verification_view(source, verification))
    for clash in clashes(sound):
        codes.add(1)
        _mark(results, clash)
        if not as_json:
            click.echo(f"FAILED: one payment, several receipts: {plain(str(clash))}")
    if as_json:
        click.echo(json.dumps(results, indent=2))
    ctx.exit(max(codes, key=_RANK.index))


def _mark(results: list[dict[str, Any]], clash: Clash) -> None:
    """Let the receipts that share a payment fail together."""
    for result in results:
        if result.get("receipt_id") in clash.receipts:
            result |= {"verdict": FAILED, "ok": False}
            result.setdefault("clashes", []).append(clash.reference)
