# SPDX-License-Identifier: Apache-2.0
"""What the verifier says, beyond the conformance vectors."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest

from cortensor.errors import InvalidInput
from cortensor.receipts import (
    NOT_PROVEN,
    Body,
    Bundle,
    ReplicaRun,
    address_of,
    build_body,
    usage_of,
    verify_bundle,
)
from cortensor.receipts.verify_chain import CLOCK_SLACK_SECONDS
from tests.conformance.case import chain_facts
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.samples import (
    CARD,
    CHAIN,
    ISSUED_AT,
    JOBS,
    OTHER_KEY,
    SIGNER,
    Job,
    anchor,
    good_bundles,
    resign,
)

GOOD = good_bundles()


def detail(data: Any, name: str, **trusted: Any) -> tuple[str, str]:
    checks = {check.name: check for check in verify_bundle(data, **trusted).checks}
    return checks[name].status, str(checks[name])


def lie(name: str, **changes: Any) -> dict[str, Any]:
    """A body with one replica entry changed, signed as if it were true."""
    data = next(job for job in JOBS if job.name == name).bundle()
    data["receipt"]["replicas"][1].update(changes)
    return resign(data)


def test_an_overcharge_is_named_with_both_amounts() -> None:
    data = copy.deepcopy(GOOD["delegate-agreed"])
    bill = data["receipt"]["bill"]
    right = int(bill["charge"])
    bill["charge"] = str(right + 10**15)
    status, text = detail(resign(data), "bill")
    assert status == "failed"
    assert text.startswith("bill: charged 0.0042")
    assert "COR, the card gives 0.0032" in text


def test_offline_says_what_it_did_not_check() -> None:
    verification = verify_bundle(GOOD["validate-majority"])
    assert (verification.verdict, verification.ok) == ("consistent", False)
    open_checks = {c.name for c in verification.checks if c.status == "not_checked"}
    assert open_checks == {
        "grouping", "contract", "card", "signer", "anchored", "finality",
        "chain", "surcharge", "revocation", "pinned", "settled",
    }  # fmt: skip
    assert verification.not_proven == NOT_PROVEN
    assert verification.to_json()["ok"] is False
    assert verification.to_json()["verdict"] == "consistent"
    assert verification.status_of("bill") == "proven"


def test_with_a_chain_nothing_is_left_open() -> None:
    verification = verify_bundle(
        GOOD["delegate-agreed"], ChainFacts(chain_facts()), session_payment=CHAIN.session_payment
    )
    assert {check.status for check in verification.checks} == {"proven"}
    assert (verification.verdict, verification.ok) == ("verified", True)


@pytest.mark.parametrize("left_out", ["session_payment", "signer", "card", "root"])
def test_each_open_point_of_trust_keeps_a_receipt_from_being_verified(left_out: str) -> None:
    data = GOOD["delegate-agreed"]
    trusted: dict[str, Any] = {
        "session_payment": CHAIN.session_payment,
        "signer": SIGNER,
        "card": CARD,
        "root": data["anchor"]["root"],
    }
    assert verify_bundle(data, **trusted).verdict == "verified"
    del trusted[left_out]
    verification = verify_bundle(data, **trusted)
    assert (verification.verdict, verification.ok) == ("consistent", False)
    assert len(verification.trust_open) == 1


def test_a_receipt_of_another_contract_is_refused_when_one_is_trusted() -> None:
    status, text = detail(GOOD["delegate-agreed"], "contract", session_payment="0x" + "1" * 40)
    assert (status, CHAIN.session_payment in text) == ("failed", True)
    # Without one the chain's answers stand, and the report says whose they are.
    status, text = detail(GOOD["delegate-agreed"], "contract", anchored=ChainFacts(chain_facts()))
    assert (status, CHAIN.session_payment in text) == ("not_checked", True)


def test_a_receipt_from_before_a_change_of_key_is_verified_by_the_signer_one_trusts() -> None:
    class Rotated(ChainFacts):
        def router_signer(self, router_id: int) -> str:
            del router_id  # there is one router
            return address_of(OTHER_KEY)

    view = Rotated(chain_facts())
    data = GOOD["delegate-agreed"]
    assert detail(data, "signer", anchored=view)[0] == "failed"
    assert detail(data, "signer", anchored=view, signer=SIGNER)[0] == "proven"


def test_values_one_trusts_replace_the_chain() -> None:
    data = GOOD["delegate-agreed"]
    root = data["anchor"]["root"]
    assert detail(data, "card", card=CARD)[0] == "proven"
    assert detail(data, "signer", signer=SIGNER.upper().replace("X", "x"))[0] == "proven"
    assert detail(data, "anchored", root=root)[0] == "proven"
    other = msgspec.structs.replace(CARD, task_wei=1)
    assert detail(data, "card", card=other)[0] == "failed"
    assert detail(data, "signer", signer=address_of(OTHER_KEY))[0] == "failed"
    assert detail(data, "anchored", root="0x" + "1" * 64)[0] == "failed"
    unanchored = {**data, "anchor": None}
    assert detail(unanchored, "anchored", root=root)[0] == "failed"
    # A trusted value does not silence the chain.
    facts = ChainFacts({**chain_facts(), "cards": {}})
    assert detail(data, "card", card=CARD, anchored=facts)[0] == "failed"


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("delegate-agreed", {"index": 0}, "ascending order"),
        ("validate-majority", {"cluster": 0}, "cluster is set on a validation"),
        ("delegate-agreed", {"verdict": "VALID"}, "verdict is set on a delegation"),
        ("delegate-agreed", {"cluster": None}, "exactly where an answer is"),
        ("delegate-agreed", {"output_hash": None}, "exactly where an answer is"),
        ("delegate-agreed", {"session_id": "201"}, "two replicas have one session_id"),
        ("delegate-agreed", {"task_id": JOBS[0].runs()[0].task_id}, "have one task_id"),
        ("validate-no-consensus", {"late": True}, "a verdict or lateness"),
        ("validate-no-consensus", {"verdict": "VALID"}, "a verdict or lateness"),
    ],
)
def test_replica_entries_that_contradict_themselves(
    name: str, changes: dict[str, Any], message: str
) -> None:
    status, text = detail(lie(name, **changes), "replicas")
    assert status == "failed"
    assert message in text


def test_an_endpoint_has_its_kind_of_consensus() -> None:
    data = copy.deepcopy(GOOD["delegate-agreed"])
    data["receipt"]["endpoint"] = "validate"
    status, text = detail(resign(data), "replicas")
    assert (status, "cannot be decided by exact" in text) == ("failed", True)


def test_a_date_fits_the_anchor() -> None:
    data = GOOD["delegate-agreed"]
    key = f"{SIGNER}:{data['anchor']['root']}"
    for early, status in ((CLOCK_SLACK_SECONDS, "proven"), (CLOCK_SLACK_SECONDS + 1, "failed")):
        facts = chain_facts()
        facts["batches"][key][0] = ISSUED_AT - early
        assert detail(data, "anchored", anchored=ChainFacts(facts))[0] == status
    undated = copy.deepcopy(data)
    undated["receipt"]["issued_at"] = 0
    assert detail(resign(undated), "anchored") == ("failed", "anchored: issued_at is 0")


def test_a_first_receipts_total_is_its_charge() -> None:
    data = copy.deepcopy(anchor([JOBS[0].bundle()])[0])
    data["anchor"]["cumulative"] = str(int(data["anchor"]["cumulative"]) + 1)
    assert "does not fit a charge" in detail(data, "leaf")[1]


def test_a_replica_that_was_requested_and_did_not_run_is_missing() -> None:
    runs = JOBS[0].runs()[:2]
    usage = usage_of(runs, requested=3)
    assert (usage.failed_replicas, usage.late_replicas, usage.missing_replicas) == (0, 0, 1)
    assert usage.input_units == sum(run.input_units for run in runs)
    with pytest.raises(InvalidInput, match="2 ran, 1 were requested"):
        usage_of(runs, requested=1)


def test_units_of_a_failed_run_do_not_count() -> None:
    run = ReplicaRun(
        index=0, session_id="201", task_id="0x" + "0" * 32, status="ERROR", model="m",
        input_units=5, output_units=7,
    )  # fmt: skip
    assert usage_of([run], 1).input_units == 0
    assert usage_of([run], 1).failed_replicas == 1


def test_body_json_is_read_back_unchanged() -> None:
    for job in JOBS:
        body = job.body()
        assert Body.from_json(body.to_json()) == body
        assert body.receipt_id() == Body.from_json(body.to_json()).receipt_id()


def test_addresses_are_written_in_one_case() -> None:
    body = JOBS[0].body()
    assert body.router.signer == body.router.signer.lower()
    assert (
        Bundle.from_json(GOOD["delegate-agreed"]).struct()
        == Body.from_json(GOOD["delegate-agreed"]["receipt"]).struct()
    )


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (Job("x", ["a"], endpoint="summarise"), "endpoint"),
        (Job("x", ["a"], failure="LOST"), None),
        (Job("x", [None], failure="LOST"), "status"),
    ],
)
def test_build_refuses_what_the_format_does_not_know(job: Job, message: str | None) -> None:
    if message is None:
        job.body()
        return
    with pytest.raises(InvalidInput, match=message):
        job.body()


def test_build_wants_one_salt_a_replica() -> None:
    job = JOBS[0]
    body = job.body()
    with pytest.raises(InvalidInput, match="one salt a replica"):
        build_body(
            endpoint="delegate",
            issued_at=1,
            chain=body.chain,
            router=body.router,
            session=body.session(),
            task_id=body.task_id,
            request_commitment=bytes(32),
            runs=job.runs(),
            salts=job.salts()[:1],
            decision=job.decide(job.runs()),
            priced=None,  # type: ignore[arg-type]
        )
