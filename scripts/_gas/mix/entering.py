# SPDX-License-Identifier: Apache-2.0
"""How a session of the mix is opened: with a deposit, or with stake behind it."""

from __future__ import annotations

from cortensor.gas.allotment import Bearer
from cortensor.pricing.quota import bucket_of
from scripts._gas import bench as chain
from scripts._gas.bench import NO_KEY, Bench
from scripts._gas.mix.live import Live
from scripts._gas.mix.plan import Planned
from scripts._gas.mix.weights import QUOTA, VOUCHER
from scripts._gas.mix.world import Payers
from scripts._gas.used import Used

MODEL_CLASS = 0
# Free each day: 5 COR and more, more than anybody asks for; or less than one answer costs.
ENOUGH_WEI, TOO_LITTLE_WEI = 20_000 * 10**18, 5 * 10**18
PERMISSION_WEI = 10**19


def enter(bench: Bench, plan: Planned, payers: Payers) -> tuple[Live, list[tuple[str, Used]]]:
    """Open a session; return it and what each transaction of it took."""
    bearer = Bearer(str(plan.number), plan.route, plan.tier, plan.path)
    payer = payers.returning if plan.is_returning else payers.new(bench)
    key = bench.session_key.address if plan.is_keyed else NO_KEY
    if not plan.is_stake:
        funding = chain.VOUCHER if plan.route == VOUCHER else chain.ESCROW
        number, used = bench.open(payer, funding=funding, session_key=key)
        return Live(plan, number, payer, bearer), [("open", used)]
    bucket = bucket_of(MODEL_CLASS, plan.replicas)
    salt = bucket.to_bytes(32, "big")
    number, used = bench.open(payer, funding=chain.STAKE, session_key=key, salt=salt, amount=0)
    quota = bench.quota.functions
    stake = ENOUGH_WEI if plan.route == QUOTA else TOO_LITTLE_WEI
    steps = [
        ("open.stake", used),
        ("quota.enrol", bench.send(quota.enrol(payer, 1, bucket, False), payer)),
        ("quota.stake", bench.send(quota.stake(number, stake), payer)),
    ]
    if plan.route != QUOTA:
        permitted = bench.send(quota.set_permission(number, PERMISSION_WEI, 0), payer)
        steps.append(("quota.permission", permitted))
    return Live(plan, number, payer, bearer), steps
