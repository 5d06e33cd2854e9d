# SPDX-License-Identifier: Apache-2.0
"""`cortensor quota`: what a stake still buys, when that refreshes, what a request would cost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from web3 import Web3

from cortensor.chain.options import place_of, place_options
from cortensor.chain.quota_view import QuotaView
from cortensor.errors import InvalidInput
from cortensor.pricing import MODEL_CLASSES, REPLICA_COUNTS, Terms, Usage, format_cor, quote
from cortensor.pricing.commands import parse_terms
from cortensor.pricing.quota import MICRO_WEI, TICK_SECONDS, bucket_of, offer

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.chain.quota_view import StakeSession
    from cortensor.pricing.quota import Account, Offer, Permission, Pool, Rules

WEI_PER_GWEI = 10**9
TYPICAL_INPUT_UNITS, TYPICAL_OUTPUT_UNITS = 1000, 250
"""Tokens of a replica in the request that is priced where none is given: a page read, a paragraph
written."""


@click.command(
    "quota",
    epilog="Example: cortensor quota ADDRESS --rpc http://127.0.0.1:8545"
    " --deployments deployments/local --router 1",
)
@click.argument("address")
@place_options
@click.option(
    "--router",
    "routers",
    multiple=True,
    type=click.IntRange(1, 2**32 - 1),
    help="Only sessions with this router; needs no search of events. Repeat for more.",
)
@click.option(
    "--from-block",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Where the search of events begins, without --router.",
)
@click.option(
    "--terms",
    "terms_text",
    metavar="WORD|NAME=VALUE,…",
    help="Price a request with these terms; by default the dearest that the stake is for.",
)
@click.option(
    "--input-units",
    type=click.IntRange(0),
    help=f"Its input tokens, summed over the replicas; {TYPICAL_INPUT_UNITS} each by default.",
)
@click.option(
    "--output-units",
    type=click.IntRange(0),
    help=f"Its output tokens, summed over the replicas; {TYPICAL_OUTPUT_UNITS} each by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; money in wei, as strings.")
def quota(
    address: str,
    *,
    rpc_url: tuple[str, ...],
    deployments: Path | None,
    session_payment: str | None,
    routers: tuple[int, ...],
    from_block: int,
    terms_text: str | None,
    input_units: int | None,
    output_units: int | None,
    as_json: bool,
) -> None:
    """Show what the stake of ADDRESS still buys."""
    if not Web3.is_address(address):
        raise InvalidInput("must be an address", field="address")
    place = place_of(deployments, session_payment)
    asked = Asked(
        None if terms_text is None else parse_terms(terms_text), input_units, output_units
    )
    view = QuotaView(rpc_url, place.session_payment, place.chain_id)
    if routers:
        ids = [session for router in routers for session in view.profiles(address, router)]
    else:
        ids = view.opened(address, from_block)
    found = [session for session in map(view.session, ids) if session is not None]
    shown = [_shown(view, session, asked) for session in found]
    if as_json:
        click.echo(json.dumps({"address": address, "sessions": shown}, indent=2))
        return
    if not shown:
        click.echo("no stake session")
    console = Console()
    for each in shown:
        console.print(_table(each))


class Asked(msgspec.Struct, frozen=True):
    """The request to price, where None is what the account would typically ask for."""

    terms: Terms | None
    input_units: int | None
    output_units: int | None

    def of(self, bucket: int) -> tuple[Terms, Usage]:
        """Return the request of an account that was enrolled for a bucket."""
        level, depth = divmod(bucket, len(REPLICA_COUNTS))
        terms = self.terms or Terms(model_class=level, replicas=REPLICA_COUNTS[depth])
        given, made = self.input_units, self.output_units
        return terms, Usage(
            input_units=TYPICAL_INPUT_UNITS * terms.replicas if given is None else given,
            output_units=TYPICAL_OUTPUT_UNITS * terms.replicas if made is None else made,
        )


def _shown(view: QuotaView, found: StakeSession, asked: Asked) -> dict[str, Any]:
    """Return a session as JSON data; money in wei."""
    shown: dict[str, Any] = {
        "session_id": f"0x{found.session:040x}",
        "router_id": found.session >> 128,
        "is_enrolled": found.account is not None,
    }
    if found.account is None:
        return shown
    now, rules, pool = view.now(), view.rules(), view.pool()
    account = found.account.rolled(rules, now)
    held = found.permission.at(account.window)
    shown |= describe(account, held, rules, now)
    shown["withdrawable_at"] = found.withdrawable_at
    if found.permission.next_window > account.window:
        shown["next_permission"] = {
            "limit_wei": _wei(found.permission.next_limit),
            "floor_wei": _wei(found.permission.next_floor),
            "from": found.permission.next_window * account.cadence,
        }
    shown["request"] = _request(view, found, (rules, pool, now), asked.of(account.bucket))
    return shown


def describe(account: Account, held: Permission, rules: Rules, now: int) -> dict[str, Any]:
    """Return what an account has, in words and wei.

    Args:
        account: with its current window begun.
        held: the permission of that window.
        rules: what stake buys.
        now: unix seconds.
    """
    replicas = REPLICA_COUNTS[account.bucket % len(REPLICA_COUNTS)]
    model = MODEL_CLASSES[account.bucket // len(REPLICA_COUNTS)]
    untouched = max(account.stake + account.leaving - held.floor, 0)
    return {
        "buys": f"{model} model, up to {replicas} replica(s)",
        "bucket": account.bucket,
        "cadence": "weekly" if account.is_weekly else "daily",
        "stake_wei": _wei(account.stake),
        "leaving_wei": _wei(account.leaving),
        "left_wei": _wei(account.left_now),
        "left_before_wei": _wei(account.left_before),
        "next_window_wei": _wei(rules.allowance(account, account.window + 1)),
        "refreshes_at": account.refreshes_at,
        "refreshes_in_seconds": account.refreshes_at - now,
        "overage_wei": _wei(account.overage_now),
        "overage_limit_wei": _wei(held.limit),
        "overage_floor_wei": _wei(held.floor),
        "overage_left_wei": _wei(min(max(held.limit - account.overage_now, 0), untouched)),
        "drawn_wei": _wei(account.drawn),
        "rate_limit": _rate_limit(account, rules, now),
    }


def _rate_limit(account: Account, rules: Rules, now: int) -> dict[str, str] | None:
    """Return how fast the quota may be used, and what may be used at once now; None for any."""
    if not rules.rate:
        return None
    tick = (now - (account.window - 1) * account.cadence) // TICK_SECONDS
    ticks = max(tick + rules.burst_ticks - max(account.tat, tick), 0)
    return {
        "wei_per_hour": _wei(rules.rate * 3600 // TICK_SECONDS),
        "at_once_now_wei": _wei(rules.rate * ticks),
    }


def _request(
    view: QuotaView,
    found: StakeSession,
    moment: tuple[Rules, Pool, int],
    job: tuple[Terms, Usage],
) -> dict[str, Any]:
    """Return what a request would cost: its price, who pays it, or why nobody would."""
    terms, usage = job
    facts, account = found.facts, found.account
    if account is None:
        raise InvalidInput("is not enrolled", field="session")
    own = msgspec.structs.replace(
        terms, volume_tier=facts.volume_tier, surcharge_cap_bps=facts.surcharge_cap_bps
    )
    bill = quote(view.card(facts.version), view.surcharge_bps(), own, usage)
    rules, pool, now = moment
    result: Offer = offer(
        account,
        found.permission,
        rules,
        pool,
        charge_wei=bill.total,
        settled_wei=account.drawn * MICRO_WEI,
        now=now,
    )
    refusal = result.refusal
    if bucket_of(own.model_class, own.replicas) not in _covered(account.bucket):
        refusal = "beyond the profile: such work has no price for this stake"
    elif bill.total > facts.task_cap_gwei * WEI_PER_GWEI:
        refusal = "above the session's cap per task"
    elif now >= facts.expiry:
        refusal = "the session has expired"
    return {
        "model_class": MODEL_CLASSES[own.model_class],
        "replicas": own.replicas,
        "input_units": usage.input_units,
        "output_units": usage.output_units,
        "price_wei": str(bill.total),
        "free_wei": _wei(0 if refusal else result.free),
        "overage_wei": _wei(0 if refusal else result.overage),
        "refusal": refusal,
    }


def _covered(bucket: int) -> set[int]:
    """Return the buckets of work that a profile's stake may ask for."""
    steps = len(REPLICA_COUNTS)
    model, replicas = divmod(bucket, steps)
    return {m * steps + r for m in range(model + 1) for r in range(replicas + 1)}


def _wei(micro: int) -> str:
    return str(micro * MICRO_WEI)


def _cor(wei: str) -> str:
    return f"{format_cor(int(wei))} COR"


def _table(shown: dict[str, Any]) -> Table:
    table = Table(title=f"session {shown['session_id']}", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    if not shown["is_enrolled"]:
        table.add_row("router", str(shown["router_id"]))
        table.add_row("quota", "nobody enrolled it yet: StakeQuota.enrol")
        return table
    rows = [
        ("router", str(shown["router_id"])),
        ("buys", shown["buys"]),
        ("stake", _cor(shown["stake_wei"])),
        ("left now", f"{_cor(shown['left_wei'])}, {shown['cadence']}"),
        ("left of the window before", _cor(shown["left_before_wei"])),
        ("refreshes", f"{_when(shown['refreshes_at'])}, in {_span(shown['refreshes_in_seconds'])}"),
        ("then", _cor(shown["next_window_wei"])),
        ("overage allowed", _overage(shown)),
    ]
    if shown["leaving_wei"] != "0":
        leaving = f"{_cor(shown['leaving_wei'])}, withdrawable {_when(shown['withdrawable_at'])}"
        rows.append(("leaving", leaving))
    later = shown.get("next_permission")
    if later is not None:
        told = f"{_cor(later['limit_wei'])} a window above {_cor(later['floor_wei'])}"
        rows.append(("overage then", f"{told}, from {_when(later['from'])}"))
    rate = shown["rate_limit"]
    if rate is not None:
        told = f"{_cor(rate['wei_per_hour'])} an hour, {_cor(rate['at_once_now_wei'])} at once now"
        rows.append(("rate limit", told))
    request = shown["request"]
    asked = (
        f"{request['model_class']}, {request['replicas']} replica(s), "
        f"{request['input_units']} + {request['output_units']} tokens"
    )
    rows.append(("next request", asked))
    rows.append(("costs", _cor(request["price_wei"])))
    if request["refusal"] is not None:
        rows.append(("and is refused", request["refusal"]))
    else:
        paid = f"{_cor(request['free_wei'])} free, {_cor(request['overage_wei'])} from stake"
        rows.append(("paid by", paid))
    for name, value in rows:
        table.add_row(name, value)
    return table


def _overage(shown: dict[str, Any]) -> str:
    if shown["overage_limit_wei"] == "0":
        return "none: what goes beyond the quota is refused"
    return (
        f"{_cor(shown['overage_left_wei'])} left of {_cor(shown['overage_limit_wei'])} a window, "
        f"never below {_cor(shown['overage_floor_wei'])} of stake"
    )


def _when(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _span(seconds: int) -> str:
    hours, rest = divmod(max(seconds, 0), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}"
