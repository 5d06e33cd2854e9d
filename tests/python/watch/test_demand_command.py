# SPDX-License-Identifier: Apache-2.0
"""`cortensor demand`: what it would cost, what it sends, and one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cortensor.chain.demanding import Demander
from cortensor.cli import main
from cortensor.errors import Unavailable
from cortensor.receipts.sign import address_of
from tests.python.watch.making import SESSION, STRANGER_KEY
from tests.python.watch.watched_chain import (
    COR,
    DISPUTE,
    GENESIS,
    NOBODY,
    PAYMENT,
    TOKEN,
    WatchedChain,
)

STRANGER = address_of(STRANGER_KEY)
SETTLED = 7 * COR
NAME = f"0x{SESSION:040x}"


class DemandedChain(WatchedChain):
    """Takes demands, and refuses those without an allowance, as the token would."""

    def _is_demand(self, to: str, data: bytes) -> bool:
        return to.lower() == DISPUTE and self._abis[DISPUTE][data[:4].hex()][0] == "demand"

    def _eth_estimateGas(self, call: dict[str, Any], *_: Any) -> str:  # noqa: N802 -- the RPC's name
        data = bytes.fromhex(call["data"][2:])
        if call["to"].lower() == TOKEN:
            return hex(50_000)
        if self.revert is None and self.allowance < COR and self._is_demand(call["to"], data):
            raise ValueError("execution reverted: token: not allowed")
        return super()._eth_estimateGas()

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802 -- the RPC's name
        tx_hash = super()._eth_sendRawTransaction(raw)
        fields = self.mined.get(tx_hash)
        if fields is not None:
            to = "0x" + bytes(fields["to"]).hex()
            if to == TOKEN:
                self.allowance = COR
            elif self._is_demand(to, bytes(fields["data"])):
                session, index = self.arguments(fields)
                self.demand(session, index, STRANGER, self.head, GENESIS + 3700)
        return tx_hash

    def _eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, Any] | None:  # noqa: N802 -- the RPC's name
        receipt = super()._eth_getTransactionReceipt(tx_hash)
        fields = self.mined.get(tx_hash)
        if (
            receipt is not None
            and fields is not None
            and self._is_demand("0x" + bytes(fields["to"]).hex(), bytes(fields["data"]))
        ):
            receipt["logs"] = self.events[-1:]
        return receipt

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        answer = super().answer(call)
        error = answer.get("error")
        if error is not None and "token:" in error["message"]:
            error["code"] = 3  # as nodes say of what a contract refuses
        return answer


@pytest.fixture
def node() -> Iterator[DemandedChain]:
    fake = DemandedChain()
    fake.settled[SESSION] = SETTLED
    yield fake
    fake.close()


def run(node: WatchedChain, *arguments: str, key: str | None = STRANGER_KEY) -> Result:
    line = ["demand", *(arguments or (NAME,)), "--rpc", node.url, "--session-payment", PAYMENT]
    return CliRunner(env={"CORTENSOR_DEMAND_KEY": key}).invoke(main, line)


def refusal(result: Result) -> str:
    """The one line of a refusal."""
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert result.stdout == ""
    return line


def test_the_deposit_is_allowed_and_no_more(node: DemandedChain) -> None:
    result = run(node, NAME, "3")
    assert result.exit_code == 0, result.output
    approve, call = node.mined.values()
    assert int.from_bytes(bytes(approve["data"])[-32:]) == COR
    assert node.arguments(call) == (SESSION, 3)
    assert "demanded leaf 3 of session" in result.stdout
    assert "deposit: 1 COR" in result.stdout


def test_what_is_allowed_already_is_not_allowed_again(node: DemandedChain) -> None:
    node.allowance = COR
    shown = json.loads(run(node, NAME, "--json").stdout)
    (tx_hash,) = node.mined
    assert shown == {
        "session_id": NAME,
        "index": 0,
        "challenger": shown["challenger"],
        "deposit_wei": str(COR),
        "settled_wei": str(SETTLED),
        "answer_by": GENESIS + 3700,
        "tx_hash": tx_hash,
        "fee_wei": str(40_000 * node.base_fee),
    }
    assert shown["challenger"].lower() == STRANGER


def test_a_dry_run_sends_nothing_and_says_what_is_at_stake(node: DemandedChain) -> None:
    result = run(node, NAME, "--dry-run")
    assert "deposit: 1 COR, lost if" in result.stdout
    assert "if nobody answers: 7 COR back to the session" in result.stdout
    assert "of the gas coin" in result.stdout
    node.refunded = 2 * COR
    before = json.loads(run(node, NAME, "--dry-run", "--json").stdout)
    assert before["refund_wei"] == str(5 * COR)
    node.allowance = COR
    after = json.loads(run(node, NAME, "--dry-run", "--json").stdout)
    # Without the allowance the deposit's approval is paid for, too.
    assert int(before["fee_wei"]) > int(after["fee_wei"]) > 0
    without = json.loads(run(node, NAME, "--dry-run", "--json", key=None).stdout)
    assert without == {**after, "fee_wei": None}
    assert node.mined == {}


def test_whichever_leaf_is_not_shown_all_that_is_settled_comes_back(node: DemandedChain) -> None:
    node.settled[SESSION] = 3 * node.pins[SESSION].task_cap_gwei * 10**9
    shown = json.loads(run(node, NAME, "2", "--dry-run", "--json").stdout)
    assert shown["refund_wei"] == str(node.settled[SESSION])


def test_what_cannot_be_demanded_is_one_line(node: DemandedChain) -> None:
    assert "[invalid_input]" in refusal(run(node, "0x12"))
    assert "[unknown_session]" in refusal(run(node, f"0x{5:040x}"))
    assert "[no_key]" in refusal(run(node, key=None))
    node.balance = COR - 1
    assert "the deposit is 1 COR [no_cor]" in refusal(run(node))
    node.balance = COR
    node.revert = "dispute: session is over"
    assert "dispute: session is over [contract_refused]" in refusal(run(node))
    node.revert = None
    node.settled[SESSION] = 0
    assert "[nothing_settled]" in refusal(run(node))
    node.dispute_address = NOBODY
    assert "[no_dispute]" in refusal(run(node))
    node.down = True
    assert "[chain_unavailable]" in refusal(run(node))
    assert node.mined == {}


def test_a_leaf_is_demanded_once(node: DemandedChain) -> None:
    assert run(node, NAME, "4").exit_code == 0
    sent = len(node.mined)
    again = refusal(run(node, NAME, "4"))
    assert f"is demanded by {STRANGER}, to be answered by unix time {GENESIS + 3700}" in again
    assert len(node.mined) == sent


def test_what_is_not_mined_in_time_is_said(node: DemandedChain) -> None:
    node.allowance = COR
    node.drop = True
    with pytest.raises(Unavailable, match="was not mined") as caught:
        Demander(node.url, PAYMENT, None, STRANGER_KEY, timeout_s=0.2).demand(SESSION, 0)
    assert caught.value.code == "not_mined"


@pytest.mark.parametrize("until", [0, GENESIS + 400])
def test_a_demand_is_closed_when_its_time_is_over(node: DemandedChain, until: int) -> None:
    assert "[no_such_demand]" in refusal(run(node, NAME, "2", "--close"))
    node.demands[SESSION, 2, SETTLED] = (STRANGER, GENESIS + 300, until)
    node.head = (until or GENESIS + 300) // 10 - GENESIS // 10
    assert "[still_open]" in refusal(run(node, NAME, "2", "--close"))
    node.head += 1
    result = run(node, NAME, "2", "--close", "--json")
    assert json.loads(result.stdout)["is_answered"] is bool(until)
    assert len(node.sent_to("close_demand")) == 1
    assert "[invalid_input]" in refusal(run(node, NAME, "--close", "--dry-run"))


def test_an_older_demand_is_closed_by_the_total_it_was_made_of(node: DemandedChain) -> None:
    assert run(node, NAME, "2").exit_code == 0
    node.settled[SESSION] = SETTLED + 1
    node.head += 1000
    refused = refusal(run(node, NAME, "2", "--close"))
    assert "no such demand of a total of 7.000000000000000001 COR [no_such_demand]" in refused
    shown = json.loads(run(node, NAME, "2", "--close", "--settled", "7", "--json").stdout)
    assert (shown["settled_wei"], shown["is_answered"]) == (str(SETTLED), False)
    (call,) = node.sent_to("close_demand")
    assert node.arguments(call) == (SESSION, 2, SETTLED)
    assert "goes with --close" in refusal(run(node, NAME, "2", "--settled", "7"))
    assert "[invalid_input]" in refusal(run(node, NAME, "2", "--close", "--settled", "x"))


def test_an_older_demand_of_the_same_leaf_is_in_nobodys_way(node: DemandedChain) -> None:
    assert run(node, NAME, "2").exit_code == 0
    node.settled[SESSION] = 2 * SETTLED
    shown = json.loads(run(node, NAME, "2", "--json").stdout)
    assert shown["settled_wei"] == str(2 * SETTLED)
