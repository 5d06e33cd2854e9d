# SPDX-License-Identifier: Apache-2.0
"""COR wrapped where it is the chain's coin, and moved as a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_account.signers.local import LocalAccount

from scripts._gas.bench import INFINITE, Bench
from scripts._gas.scenario import Scenario
from scripts._gas.senders import keyed
from scripts._gas.token_signing import CANCEL, PERMIT, RECEIVE, TRANSFER, sign
from scripts._gas.used import Used

COR_WEI = 10**18


def run_wrapping(bench: Bench) -> Iterator[Scenario]:
    """Run the token from its first wei to its last."""
    with bench.aside():
        token = bench.deploy("WrappedCOR")
        used = bench.deployed.pop("WrappedCOR")
        yield Scenario("deploy.WrappedCOR", used, 1, "constructor included")
        yield from _wrapping(bench, token.functions)
        yield from _moving(bench, token.functions)
        yield from _signed(bench, token)


def _wrapping(bench: Bench, call: Any) -> Iterator[Scenario]:
    holder, other = bench.actors.owner, bench.actors.treasury
    used = bench.send(call.deposit(), holder, 10 * COR_WEI)
    yield Scenario("wrap.deposit.first", used, 1, "a holder's first; nobody held any before")
    used = bench.send(call.deposit(), holder, 10 * COR_WEI)
    yield Scenario("wrap.deposit", used, 1, "more for a holder")
    used = bench.send(call.deposit_to(other), holder, COR_WEI)
    yield Scenario("wrap.deposit.to.first", used, 1, "for another's first")
    with bench.aside():
        used = bench.send(call.withdraw(COR_WEI), holder)
        yield Scenario("wrap.withdraw", used, 1, "a part, to its holder")
        used = bench.send(call.withdraw_to(other, COR_WEI), holder)
        yield Scenario("wrap.withdraw.to", used, 1, "a part, to an account that has coins")


def _moving(bench: Bench, call: Any) -> Iterator[Scenario]:
    holder, other, spender = bench.actors.owner, bench.actors.treasury, bench.actors.anchorer
    with bench.aside():
        used = bench.send(call.transfer(bench.actors.nodes, COR_WEI), holder)
        yield Scenario("wrap.transfer.first", used, 1, "to who never held any")
        used = bench.send(call.transfer(other, COR_WEI), holder)
        yield Scenario("wrap.transfer", used, 1, "between holders")
        used = bench.send(call.approve(spender, 2 * COR_WEI), holder)
        yield Scenario("wrap.approve.first", used, 1, "never allowed before")
        used = bench.send(call.transferFrom(holder, other, COR_WEI), spender)
        yield Scenario("wrap.transfer.from", used, 1, "between holders, of a limited allowance")
        used = bench.send(call.approve(spender, INFINITE), holder)
        yield Scenario("wrap.approve", used, 1, "another amount, without limit")
        used = bench.send(call.transferFrom(holder, other, COR_WEI), spender)
        yield Scenario("wrap.transfer.from.infinite", used, 1, "the same without a limit")


def _signed(bench: Bench, token: Any) -> Iterator[Scenario]:
    call, sender = token.functions, bench.actors.anchorer
    to = bench.actors.treasury
    signer = keyed("wrapping holder")
    for holder in (signer.address, sender):
        bench.send(call.deposit_to(holder), bench.actors.owner, 10 * COR_WEI)
    values = (signer.address, sender, COR_WEI)
    v, r, s = sign(token, signer, PERMIT, *values, 0, INFINITE)
    used = bench.send(call.permit(*values, INFINITE, v, r, s), sender)
    yield Scenario("wrap.permit.first", used, 1, "EIP-2612, the owner's first")
    with bench.aside():
        values = (signer.address, sender, 2 * COR_WEI)
        v, r, s = sign(token, signer, PERMIT, *values, 1, INFINITE)
        used = bench.send(call.permit(*values, INFINITE, v, r, s), sender)
        yield Scenario("wrap.permit", used, 1, "another amount, the owner's next")
    note = "EIP-3009, between holders; any later one writes as much"
    used = _authorized(bench, token, signer, (TRANSFER, "transferWithAuthorization", to))
    yield Scenario("wrap.transfer.authorized", used, 1, note)
    used = _authorized(bench, token, signer, (RECEIVE, "receiveWithAuthorization", sender))
    yield Scenario("wrap.receive.authorized", used, 1, f"{note}; sent by who is paid")
    nonce = bench.word()
    v, r, s = sign(token, signer, CANCEL, signer.address, nonce)
    used = bench.send(call.cancelAuthorization(signer.address, nonce, v, r, s), sender)
    yield Scenario("wrap.authorization.cancel", used, 1, "before anybody used it")


def _authorized(bench: Bench, token: Any, signer: LocalAccount, what: tuple[str, str, str]) -> Used:
    kind, function, to = what
    values = (signer.address, to, COR_WEI, 0, INFINITE, bench.word())
    v, r, s = sign(token, signer, kind, *values)
    return bench.send(token.functions[function](*values, v, r, s), bench.actors.anchorer)
