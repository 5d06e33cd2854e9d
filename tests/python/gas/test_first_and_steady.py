# SPDX-License-Identifier: Apache-2.0
"""What sets slots is measured as the first and as a later one, and batches at 1, 10, 100, most."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from cortensor.gas.kept_profiles import DEPLOYMENT, Kept, Profiles
from cortensor.gas.measured import Measurement
from cortensor.gas.reading import read_json

SCENARIOS = read_json(Path("gas/scenarios.json"), Measurement).scenarios
PROFILES = read_json(Path("gas/profile.json"), Profiles).scenarios
CONTRACTS = Path("contracts")

OWN_SLOTS = "each has slots of its own, which nothing else writes"
DELETED = "is deleted at its end, so the next one sets the slot again"
NONCE = "each signed nonce has a slot of its own"
ALWAYS = {
    "bind.": "once in a contract's life",
    "router.register": OWN_SLOTS,
    "router.authorise": "once for each log, and its genesis is written with it",
    "bond.open": "once for each router; what adds to it is bond.more",
    "table.publish": "each card has slots of its own",
    "table.lower": "each card has slots of its own",
    "table.surcharge.post": "each epoch's surcharge has a slot of its own",
    "owner.transfer.": f"an offer {DELETED}",
    "router.settler.set": "each settler before has a slot for how long it may settle",
    "session.open.": OWN_SLOTS,
    "receipt.anchor.": "each receipt that is taken back has a slot of its own, for ever",
    "stake.open": "once for each node; what adds to it is stake.steady",
    "unstake.request": f"what is on its way out {DELETED}",
    "quota.enrol": OWN_SLOTS,
    "quota.unstake.request": f"what is on its way out {DELETED}",
    "dispute.": "proofs, shown money and demands have slots of their own, by session",
    "agent.register.": OWN_SLOTS,
    "agent.approve": "an approval is deleted as the agent moves",
    "agent.retract": "the tag's first use; any later one is agent.replace's or agent.respond's",
    "reward.card.publish": "each card has slots of its own",
    "reward.sweep.": "an epoch has a slot for 256 leaves; a second run in it is reward.pay.1's",
    "epoch.expire": "each epoch has a slot of its own",
    "epoch.forget": "each epoch has a slot of its own",
    "wrap.deposit.to.first": "it writes what wrap.deposit writes, of another holder",
    "wrap.transfer.authorized": NONCE,
    "wrap.receive.authorized": NONCE,
    "wrap.authorization.cancel": NONCE,
}
"""By the beginning of scenarios' names: why what they call sets slots in each of them."""

LATER_ELSEWHERE = {
    "agent.feedback.tags.first": "agent.feedback",
    "agent.validation.tag.first": "agent.validation.response",
    "wrap.deposit.to.first": "wrap.deposit",
}
"""Firsts whose later ones have another name."""

LEAVES = 128
BATCHES = {
    "settle.escrow.{}": ("interfaces/ISessionPayment.vyi", "items", 512),
    "settle.voucher.{}": ("interfaces/ISessionPayment.vyi", "vouchers", LEAVES),
    "quota.draw.{}": ("interfaces/ISessionPayment.vyi", "items", LEAVES),
    "quota.draw.{}.window": ("interfaces/ISessionPayment.vyi", "items", LEAVES),
    "quota.overage.{}": ("interfaces/ISessionPayment.vyi", "items", LEAVES),
    "dispute.show.{}": ("interfaces/IOwnPending.vyi", "moves", 512),
    "dispute.prefix.{}": ("interfaces/IOwnPending.vyi", "later", 512),
    "agent.register.metadata.{}": ("interfaces/IIdentityRegistry.vyi", "metadata", 16),
    "node.sync.{}": ("interfaces/INodeReputation.vyi", "leaves", LEAVES),
    "reward.pay.{}": ("interfaces/IRewardPayout.vyi", "leaves", LEAVES),
    "reward.sweep.{}": ("interfaces/IRewardPayout.vyi", "leaves", LEAVES),
}
"""Scenarios of batches: the source that says how many one may have at most, the field, the most."""

ELSEWHERE = {
    "settle.escrow.1": "settle.escrow.1.steady",
    "node.sync.1": "node.sync",  # by sync, which is cheaper for one
    "reward.pay.1": "reward.pay.1.d17",  # by pay_one, which is cheaper for one
    "agent.register.metadata.1": "agent.register.metadata",
}
LEFT_OUT = {
    "agent.register.metadata.10": "entries are alike: what one adds is (16 - 1) / 15",
    "agent.register.metadata.100": "no more than 16 are taken",
}


def sets(kept: Kept) -> int:
    """Return how many slots that held nothing a transaction writes."""
    return sum(each.get("sets", 0) for each in kept.storage.values())


def only_fresh() -> set[str]:
    """Return the scenarios of functions that set as many slots in each of their scenarios."""
    by_call: dict[str, dict[str, int]] = defaultdict(dict)
    for name, row in SCENARIOS.items():
        if row.call and name in PROFILES and not name.startswith(DEPLOYMENT):
            by_call[row.call][name] = sets(PROFILES[name])
    found = [each for each in by_call.values() if len({*each.values()}) == 1]
    return {name for each in found for name, count in each.items() if count}


def test_what_sets_slots_is_measured_when_they_hold_something_too_or_it_says_why_not() -> None:
    unsaid = {name for name in only_fresh() if not name.startswith(tuple(ALWAYS))}
    assert unsaid == set(), "add a later one to scripts/_gas, or say here why there is none"


def test_each_reason_is_needed() -> None:
    found = only_fresh()
    needless = [each for each in ALWAYS if not any(name.startswith(each) for name in found)]
    assert needless == []


def test_a_first_has_a_later_one_beside_it() -> None:
    """The same name without its suffix, or a suffix that says how."""
    names = set(SCENARIOS)
    alone = set()
    for name in names:
        stem = name.removesuffix(".first")
        if stem != name and not {stem, f"{stem}.steady", f"{stem}.again"} & names:
            alone.add(name)
    assert alone == set(LATER_ELSEWHERE)
    assert set(LATER_ELSEWHERE.values()) <= names


@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_of_1_10_100_and_the_most(name: str) -> None:
    _, _, most = BATCHES[name]
    for count in (1, 10, 100, most):
        scenario = name.format(count)
        if scenario not in LEFT_OUT:
            assert ELSEWHERE.get(scenario, scenario) in SCENARIOS, scenario


@pytest.mark.parametrize(("source", "field", "most"), sorted(set(BATCHES.values())))
def test_the_most_is_what_the_contract_takes(source: str, field: str, most: int) -> None:
    text = (CONTRACTS / source).read_text("utf-8")
    constants = dict(re.findall(r"^(_?[A-Z_]+): constant\(uint256\) = (\d+)$", text, re.MULTILINE))
    bounds = re.findall(rf"\b{field}: DynArray\[[\w.]+, (\w+)\]", text)
    assert str(most) in {constants.get(each, each) for each in bounds}


def test_every_list_that_a_function_may_be_sent_is_a_batch_or_a_proof() -> None:
    """By the ABI: a list of hashes or of sums alone is a proof, and its depth is in the note."""
    proofs = ("bytes32[]", "(bytes32,uint256)[]")
    lists: dict[str, set[str]] = defaultdict(set)
    for name, row in SCENARIOS.items():
        left = row.call
        for proof in proofs:
            left = left.replace(proof, "")
        if "[]" in left:
            lists[row.call].add(name)
    stems = tuple(re.sub(r"\{\}.*", "", each).removesuffix(".") for each in BATCHES)
    assert lists
    # In a batch of one that is sent again nothing moves.
    assert {name for names in lists.values() for name in names if not name.startswith(stems)} == {
        "settle.resend"
    }
