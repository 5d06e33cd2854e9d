# SPDX-License-Identifier: Apache-2.0
"""`cortensor quota`: what is left, when it refreshes, and what a request would cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.pricing.quota import MICRO_WEI
from cortensor.watch.price import Pin
from tests.python.router.fake_node import PAYMENT
from tests.python.watch.watched_chain import GENESIS, PAYER, WatchedChain

ROUTER = 3
PROFILE = 4
SESSION = ROUTER << 128 | PROFILE
DAY = 86_400
WINDOW = (GENESIS + 100) // DAY


class QuotaChain(WatchedChain):
    """One stake session: 1000 COR of stake in bucket 4, 1 COR a day free."""

    def __init__(self) -> None:
        self.held = (0, 0, 0, 0, 0)
        self.pool_facts = (10**21, 0, 10**21)
        self.rate_limit = (0, 0)
        super().__init__()
        self.pins = {SESSION: Pin(1, 0, 500, 2**60, bucket=PROFILE)}
        self.account = (10**9, 5, 10**6, 3, 0, WINDOW, PROFILE, False, 0, 0, 0)

    def _values(self, name: str, values: tuple[Any, ...]) -> list[Any]:
        answers: dict[str, Any] = {
            "session_id": lambda: [values[1] << 128 | int.from_bytes(values[2], "big")],
            "permission": lambda: [self.held],
            "limits": lambda: [(2**36 - 1, *self.rate_limit)],
            "rates": lambda: [(1000,) * 12, (1000,) * 12, 0],
            "pool": lambda: list(self.pool_facts),
        }
        return list(answers[name]()) if name in answers else super()._values(name, values)


@pytest.fixture
def node() -> Iterator[QuotaChain]:
    fake = QuotaChain()
    yield fake
    fake.close()


def run(node: QuotaChain, *extra: str, code: int = 0) -> Any:
    line = ["quota", PAYER, "--rpc", node.url, "--session-payment", PAYMENT, *extra]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if "--json" in extra else result.output


def one(node: QuotaChain, *extra: str) -> dict[str, Any]:
    (shown,) = run(node, "--router", str(ROUTER), "--json", *extra)["sessions"]
    assert isinstance(shown, dict)
    return shown


def test_what_is_left_and_when_it_refreshes(node: QuotaChain) -> None:
    shown = one(node)
    assert shown["session_id"] == f"0x{SESSION:040x}"
    assert shown["buys"] == "standard model, up to 3 replica(s)"
    assert shown["left_wei"] == str(10**18)
    assert shown["left_before_wei"] == str(3 * MICRO_WEI)
    assert shown["next_window_wei"] == str(10**18)
    assert shown["refreshes_at"] == (WINDOW + 1) * DAY
    assert shown["refreshes_in_seconds"] == (WINDOW + 1) * DAY - GENESIS - 100
    assert shown["rate_limit"] is None


def test_without_a_request_the_typical_one_of_the_stake_is_priced(node: QuotaChain) -> None:
    typical = one(node)["request"]
    assert (typical["model_class"], typical["replicas"]) == ("standard", 3)
    assert (typical["input_units"], typical["output_units"]) == (3000, 750)
    assert typical["refusal"] is None
    terms = "model_class=standard,replicas=3"
    said = one(node, "--terms", terms, "--input-units", "3000", "--output-units", "750")
    assert said["request"] == typical
    text = run(node, "--router", str(ROUTER))
    assert "standard, 3 replica(s), 3000 + 750 tokens" in text


def test_the_rate_limit_says_what_may_be_used_at_once(node: QuotaChain) -> None:
    rate, burst = 1000, 10
    node.rate_limit = (rate, burst)
    begins = (WINDOW - 1) * DAY
    ticks = (GENESIS + 100 - begins) // 16
    for used, left in ((0, burst), (4, burst - 4), (burst + 9, 0)):
        node.account = (*node.account[:10], begins + (ticks + used) * 16)
        limit = one(node)["rate_limit"]
        assert limit["wei_per_hour"] == str(rate * 225 * MICRO_WEI)
        assert limit["at_once_now_wei"] == str(left * rate * MICRO_WEI)
    assert one(node)["request"]["refusal"] == "rate limit"
    assert "an hour" in run(node, "--router", str(ROUTER))


def test_a_request_is_split_into_free_and_overage(node: QuotaChain) -> None:
    request = one(node, "--input-units", "1000")["request"]
    price = int(request["price_wei"])
    assert price > 0
    assert (request["refusal"], request["overage_wei"]) == (None, "0")
    assert int(request["free_wei"]) == -(-price // MICRO_WEI) * MICRO_WEI
    node.account = (10**9, 5, 1, 3, 0, WINDOW, PROFILE, False, 0, 0, 0)
    assert one(node, "--input-units", "1000")["request"]["refusal"] == "quota exceeded"
    node.held = (10**9, 0, 0, 0, 0)
    request = one(node, "--input-units", "1000")["request"]
    assert request["refusal"] is None
    assert request["free_wei"] == str(MICRO_WEI)
    assert int(request["free_wei"]) + int(request["overage_wei"]) >= price
    node.held = (10**9, 10**9, 0, 0, 0)
    assert one(node, "--input-units", "1000")["request"]["refusal"] == "stake floor"


def test_why_a_request_would_be_refused(node: QuotaChain) -> None:
    assert "profile" in one(node, "--terms", "replicas=5")["request"]["refusal"]
    assert "profile" in one(node, "--terms", "model_class=heavy")["request"]["refusal"]
    node.pool_facts = (0, 0, 10**21)
    assert one(node, "--input-units", "1000")["request"]["refusal"] == "pool is empty"
    node.pool_facts = (10**21, 10**21, 10**21)
    assert one(node, "--input-units", "1000")["request"]["refusal"] == "pool limit reached"
    node.pool_facts = (10**21, 0, 10**21)
    node.pins = {SESSION: Pin(1, 0, 500, 1, bucket=PROFILE)}
    assert "cap per task" in one(node, "--input-units", "1000")["request"]["refusal"]


def test_permission_and_leaving_stake(node: QuotaChain) -> None:
    node.account = (10**9, 5, 10**6, 3, 10**6, WINDOW, PROFILE, True, 7, GENESIS + 999, 0)
    node.account = (*node.account[:5], (GENESIS + 100) // (7 * DAY), *node.account[6:])
    node.held = (4 * 10**6, 10**9 - 10**6, 10**6, 0, node.account[5] + 1)
    shown = one(node)
    assert shown["cadence"] == "weekly"
    assert shown["overage_limit_wei"] == str(4 * 10**18)
    assert shown["overage_left_wei"] == str((10**6 + 7) * MICRO_WEI)
    assert (shown["leaving_wei"], shown["withdrawable_at"]) == (str(7 * MICRO_WEI), GENESIS + 999)
    assert shown["next_permission"]["limit_wei"] == str(10**18)
    text = run(node, "--router", str(ROUTER))
    assert "withdrawable" in text
    assert "overage then" in text


def test_sessions_are_found_by_their_events(node: QuotaChain) -> None:
    values = {
        "session": SESSION,
        "payer": PAYER,
        "router_id": ROUTER,
        "deposit": 0,
        "expiry": 1,
        "version": 1,
        "funding": 2,
        "volume_tier": 0,
        "surcharge_cap_bps": 0,
        "task_cap_gwei": 0,
        "session_key": "0x" + "00" * 20,
        "terms": 0,
    }
    node.emit(PAYMENT, "SessionPayment", "SessionOpened", 3, **values)
    node.emit(
        PAYMENT, "SessionPayment", "SessionOpened", 3, **{**values, "payer": "0x" + "bb" * 20}
    )
    node.emit(PAYMENT, "SessionPayment", "SessionOpened", 4, **{**values, "funding": 0})
    (shown,) = run(node, "--json")["sessions"]
    assert shown["router_id"] == ROUTER
    assert run(node, "--from-block", "4", "--json")["sessions"] == []


def test_a_session_that_nobody_enrolled(node: QuotaChain) -> None:
    node.account = (0, 0, 0, 0, 0, 0, 0, False, 0, 0, 0)
    assert one(node) == {
        "session_id": f"0x{SESSION:040x}",
        "router_id": ROUTER,
        "is_enrolled": False,
    }
    assert "enrol" in run(node, "--router", str(ROUTER))


def test_for_people(node: QuotaChain) -> None:
    text = run(node, "--router", str(ROUTER), "--input-units", "1000")
    for word in ("1 COR, daily", "refreshes", "paid by", "none: what goes beyond"):
        assert word in text
    assert run(node, "--router", "9") == "no stake session\n"


def test_bad_input_is_named(node: QuotaChain) -> None:
    line = ["quota", "0x12", "--rpc", node.url, "--session-payment", PAYMENT]
    assert "must be an address" in CliRunner().invoke(main, line).output
    assert "give either" in CliRunner().invoke(main, ["quota", PAYER, "--rpc", node.url]).output
    node.down = True
    assert "chain" in run(node, code=2)
