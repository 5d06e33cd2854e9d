# SPDX-License-Identifier: Apache-2.0
"""The price of a request before it runs: an upper bound that the charge never exceeds.

The bound holds because the price never falls with more tokens and never rises with failed, late
or missing replicas, and each replica's tokens are held to its own bound.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.errors import Forbidden
from cortensor.pricing import (
    CONSENSUS_METHODS,
    DISAGREEMENT_POLICIES,
    MODEL_CLASSES,
    SLA_TIERS,
    Bill,
    RateCard,
    Terms,
    Usage,
    format_cor,
    quote,
)
from cortensor.receipts.tiers import sla_of
from cortensor.router.estimates import estimated
from cortensor.router.problems import InvalidField, OverBudget
from cortensor.router.prompts import DEFAULT_VERDICT_TOKENS
from cortensor.router.schemas import BillResult, QuoteResponse
from cortensor.router.selection import model_class, shared_miners
from cortensor.store.records import STAKE, WEEKLY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.chain.facts import Surcharge
    from cortensor.router.config import Limits
    from cortensor.router.consensus_schemas import ConsensusRequest, PolicyRequest
    from cortensor.router.selection import Slot
    from cortensor.store.records import Account, SessionFacts


class Quote(Struct, frozen=True):
    """What a request may cost at most, and the numbers behind it."""

    card: RateCard
    version: int
    surcharge: Surcharge
    terms: Terms
    usage: Usage
    bill: Bill

    def price(self, usage: Usage) -> Bill:
        """Return the bill of the actual usage under the same terms."""
        return quote(self.card, self.surcharge.bps, self.terms, usage)

    def card_json(self) -> bytes:
        """Return the rate card as it is stored beside the receipts it priced."""
        return _card_json(self.card)

    def bill_result(self) -> BillResult:
        """Return it as the API shows it."""
        return BillResult(
            version=self.version,
            surcharge_epoch=self.surcharge.epoch,
            terms=hex(self.terms.pack()),
            usage=hex(self.usage.pack()),
            lines=self.bill.lines.to_json(),
        )


@lru_cache(maxsize=16)
def _card_json(card: RateCard) -> bytes:
    return msgspec.json.encode(card.to_json())


def token_limit(endpoint: str, asked: int | None, limits: Limits) -> int:
    """Return the output tokens one replica may make.

    Raises:
        InvalidField: more than the router allows.
    """
    if asked is None:
        default = limits.default_max_tokens
        return min(default, DEFAULT_VERDICT_TOKENS) if endpoint == "validate" else default
    if asked > limits.max_tokens:
        raise InvalidField(f"must be at most {limits.max_tokens}", field="max_tokens")
    return asked


def build_terms(
    consensus: ConsensusRequest,
    policy: PolicyRequest,
    facts: SessionFacts,
    slots: Sequence[Slot],
    strategy: str,
) -> Terms:
    """Return the terms a request is priced at; no tier means best effort.

    `strategy` is the one that will be applied: nobody pays for one that falls back to a majority.

    The replicas are those asked for: one that `slots` has no place for is billed as missing.

    Raises:
        Forbidden: beyond what a stake session was enrolled for (`beyond_stake_profile`), or it
            was not yet (`stake_not_enrolled`).
    """
    check_profile(facts, model_class(slots), consensus.replicas)
    return Terms(
        sla_tier=SLA_TIERS.index(sla_of(policy.tier)),
        model_class=model_class(slots),
        replicas=consensus.replicas,
        consensus_method=CONSENSUS_METHODS.index(strategy),
        disagreement_policy=DISAGREEMENT_POLICIES.index(consensus.disagreement_policy),
        agreement_threshold_bps=consensus.agreement_threshold_bps,
        volume_tier=facts.volume_tier,
        surcharge_cap_bps=facts.surcharge_cap_bps,
    )


def check_profile(facts: SessionFacts, wanted_class: int, replicas: int) -> None:
    """Refuse work that a stake session's quota is not for; disputes would give it back."""
    if facts.funding != STAKE:
        return
    if facts.profile is None:
        raise Forbidden(
            "the stake session is not enrolled in StakeQuota",
            field="session_id",
            code="stake_not_enrolled",
        )
    highest, depth = divmod(facts.profile % WEEKLY, 3)
    if wanted_class > highest:
        raise Forbidden(
            f"the session's stake is enrolled for models up to {MODEL_CLASSES[highest]}, this pool"
            f" has {MODEL_CLASSES[wanted_class]} ones",
            field="consensus.session_pool",
            code="beyond_stake_profile",
        )
    if replicas > 2 * depth + 1:
        raise Forbidden(
            f"the session's stake is enrolled for up to {2 * depth + 1} replicas",
            field="consensus.replicas",
            code="beyond_stake_profile",
        )


def build_quote(
    card: RateCard,
    version: int,
    surcharge: Surcharge,
    terms: Terms,
    prompt_bounds: Sequence[int],
    *,
    max_tokens: int,
) -> Quote:
    """Price the most that replicas with these prompt bounds may use.

    One that was asked for and has no bound has no compute session: it is missing from the start.
    """
    usage = Usage(
        input_units=sum(prompt_bounds),
        output_units=max_tokens * len(prompt_bounds),
        missing_replicas=terms.replicas - len(prompt_bounds),
    )
    return Quote(card, version, surcharge, terms, usage, quote(card, surcharge.bps, terms, usage))


def quote_response(
    made: Quote, account: Account, endpoint: str, slots: Sequence[Slot], *, granted: bool
) -> QuoteResponse:
    """Return a quote as the API shows it; what the session has left only if `granted`."""
    return QuoteResponse(
        session_id=account.facts.session,
        endpoint=endpoint,
        replicas=len(slots),
        missing_replicas=made.usage.missing_replicas,
        session_pool=[slot.session.id for slot in slots],
        max_charge_wei=str(made.bill.total),
        max_charge_cor=format_cor(made.bill.total),
        available_wei=str(account.available) if granted else None,
        bill=made.bill_result(),
        surcharge_bps=made.surcharge.bps,
        estimate=estimated(made, slots),
        shared_miners=shared_miners([slot.session for slot in slots]),
    )


def budget(made: Quote, account: Account) -> dict[str, Any]:
    """Return a quote as refusals show it, with what the session allows."""
    return {
        "max_charge_wei": str(made.bill.total),
        "max_charge_cor": format_cor(made.bill.total),
        "available_wei": str(account.available),
        "task_cap_wei": str(account.facts.task_cap_wei),
        "lines": made.bill.lines.to_json(),
    }


def wei_of(text: str | None) -> int | None:
    """Return wei in decimal as a number; None for none."""
    return None if text is None else int(text)


def check_budget(made: Quote, account: Account, allowed: int | None = None) -> None:
    """Refuse a request that may cost more than its task cap or what the deposit has left.

    `allowed` is what the request itself allows, in wei.

    Raises:
        OverBudget: with the quote inside.
    """
    most, cap = made.bill.total, account.facts.task_cap_wei
    if allowed is not None and most > allowed:
        raise OverBudget(
            f"may cost {format_cor(most)} COR, the request allows {format_cor(allowed)} COR",
            budget(made, account),
            field="policy.budget_wei",
        )
    if most > cap:
        raise OverBudget(
            f"may cost {format_cor(most)} COR, the session caps a task at {format_cor(cap)} COR",
            budget(made, account),
        )
    if most > account.available:
        raise OverBudget(
            f"may cost {format_cor(most)} COR, the session has "
            f"{format_cor(account.available)} COR left",
            budget(made, account),
        )
