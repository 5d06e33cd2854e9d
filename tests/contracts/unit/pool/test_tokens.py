# SPDX-License-Identifier: Apache-2.0
"""Tokens that misbehave: returning False, returning nothing, calling back into the pool."""

from __future__ import annotations

import re

import boa
import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector

from tests.contracts.protocol import (
    APPEAL_SECONDS,
    CONTRACTS,
    COOLDOWN_SECONDS,
    COR,
    Protocol,
    travel,
)

from .conftest import CAP, STAKE


@pytest.fixture(scope="module")
def hostile():
    return Protocol(token="mocks/MockHostileToken")


@pytest.fixture(scope="module")
def silent():
    return Protocol(token="mocks/MockSilentToken")


def test_a_token_that_returns_nothing_works(silent):
    pool = silent.pool
    position = pool.open_node(silent.nodes, STAKE, sender=silent.payer)
    pool.stake(position, COR, sender=silent.payer)
    pool.request_unstake(position, COR, sender=silent.payer)
    travel(COOLDOWN_SECONDS)
    assert pool.withdraw(position, sender=silent.payer) == COR
    assert pool.slash_bond(1, COR, silent.stranger, sender=silent.dispute) == COR
    assert silent.cor.balanceOf(silent.stranger) == COR


def test_stake_that_the_token_refuses_is_none(hostile):
    pool = hostile.pool
    position = pool.open_node(hostile.nodes, STAKE, sender=hostile.payer)
    hostile.cor.refuse(True)
    with boa.reverts("token: refused transfer"):
        pool.stake(position, 1, sender=hostile.payer)
    with boa.reverts("token: refused transfer"):
        pool.open_node(hostile.stranger, 1, sender=hostile.payer)
    assert pool.position(position).amount == STAKE


def test_a_payment_that_the_token_refuses_can_be_tried_again(hostile):
    pool = hostile.pool
    position = pool.open_node(hostile.nodes, STAKE, sender=hostile.payer)
    pool.request_unstake(position, COR, sender=hostile.payer)
    pool.propose_slash(position, CAP, "", sender=hostile.slasher)
    travel(COOLDOWN_SECONDS)
    hostile.cor.refuse(True)
    with boa.reverts("token: refused transfer"):
        pool.execute_slash(position, sender=hostile.stranger)
    with boa.reverts("token: refused transfer"):
        pool.slash_bond(1, COR, hostile.stranger, sender=hostile.dispute)
    hostile.cor.refuse(False)
    pool.execute_slash(position, sender=hostile.stranger)
    hostile.cor.refuse(True)
    with boa.reverts("token: refused transfer"):
        pool.withdraw(position, sender=hostile.stranger)
    hostile.cor.refuse(False)
    assert pool.withdraw(position, sender=hostile.stranger) == COR


ADDRESS, NUMBER = "address", "uint256"


def calls(pool, other: int, somebody: str) -> dict[str, bytes]:
    """Return calldata that a token could call the pool back with, by function."""
    arguments = {
        "open_node": [(ADDRESS, somebody), (NUMBER, 1)],
        "open_bond": [(NUMBER, 1), (ADDRESS, somebody), (NUMBER, 1)],
        "stake": [(NUMBER, other), (NUMBER, 1)],
        "request_unstake": [(NUMBER, other), (NUMBER, 1)],
        "withdraw": [(NUMBER, other)],
        "slash_bond": [(NUMBER, 1), (NUMBER, 1), (ADDRESS, somebody)],
        "propose_slash": [(NUMBER, other), (NUMBER, 1), ("string", "")],
        "appeal_slash": [(NUMBER, other)],
        "resolve_slash": [(NUMBER, other), ("bool", True)],
        "execute_slash": [(NUMBER, other)],
        "set_slasher": [(ADDRESS, somebody)],
        "set_treasury": [(ADDRESS, somebody)],
        "bind": [(ADDRESS, pool.address), (ADDRESS, pool.address)],
        # A view would show a state between the checks and the effects.
        "cover": [(NUMBER, 1)],
        "position": [(NUMBER, other)],
        "slash": [(NUMBER, other)],
        "is_staked": [(ADDRESS, somebody), (ADDRESS, somebody)],
        "treasury": [],
    }
    return {
        name: function_signature_to_4byte_selector(f"{name}({','.join(t for t, _ in pairs)})")
        + encode([t for t, _ in pairs], [value for _, value in pairs])
        for name, pairs in arguments.items()
    }


FUNCTIONS = [
    "open_node",
    "open_bond",
    "stake",
    "request_unstake",
    "withdraw",
    "slash_bond",
    "propose_slash",
    "appeal_slash",
    "resolve_slash",
    "execute_slash",
    "set_slasher",
    "set_treasury",
    "bind",
    "cover",
    "position",
    "slash",
    "is_staked",
    "treasury",
]


def test_every_function_is_tried(protocol):
    """But for the node's position, which is the same whenever one asks, and the ownership's."""
    functions = set(calls(protocol.pool, 0, protocol.stranger))
    assert functions == set(FUNCTIONS)
    written = (CONTRACTS / "interfaces" / "IStakePool.vyi").read_text()
    assert set(re.findall(r"^def (\w+)", written, re.MULTILINE)) - functions == {"node_position"}


class Corrupt:
    """A pool in which the token itself has every role, and a position of each kind."""

    def __init__(self, hostile: Protocol, deployed) -> None:
        self.token = hostile.cor
        token = self.token.address
        self.pool = deployed(
            owner=hostile.owner, token=token, slasher=token, treasury=hostile.treasury
        )
        self.payer = hostile.payer
        self.token.approve(self.pool, 2**256 - 1, sender=self.payer)
        self.token.approve(self.pool, 2**256 - 1, sender=token)
        self.token.transfer(token, STAKE, sender=hostile.payer)
        router_id = hostile.payment.register_router(token, sender=hostile.owner)
        self.router_id = router_id
        self.pool.bind(hostile.payment, token, sender=hostile.owner)
        self.pool.open_bond(router_id, self.payer, STAKE // 4, sender=token)
        # Of the token's: some staked, some leaving, and a slash to execute.
        self.other = self.pool.open_node(hostile.nodes, STAKE // 4, sender=token)
        self.pool.request_unstake(self.other, COR, sender=token)
        self.own = self.pool.open_node(hostile.nodes, STAKE, sender=self.payer)
        self.pool.request_unstake(self.own, COR, sender=self.payer)
        self.pool.propose_slash(self.own, COR, "", sender=token)
        travel(COOLDOWN_SECONDS)
        self.pool.transfer_ownership(token, sender=hostile.owner)
        self.pool.accept_ownership(sender=token)

    def prepare(self, hostile: Protocol, function: str) -> None:
        """Make the token's call of a function one that nothing but the lock refuses."""
        if function == "bind":
            self.pool.eval("self.payment = empty(address)")
        if function == "open_bond":
            self.pool.eval("self._hot[1] = 0")
            hostile.payment.set_settler(1, self.token, sender=hostile.settler)
        if function in ("appeal_slash", "resolve_slash", "execute_slash"):
            self.pool.propose_slash(self.other, 1, "", sender=self.token.address)
        if function == "resolve_slash":
            self.pool.appeal_slash(self.other, sender=self.token.address)
        if function == "execute_slash":
            travel(APPEAL_SECONDS)


@pytest.fixture
def corrupt(hostile, deployed):
    return Corrupt(hostile, deployed)


@pytest.mark.parametrize(
    "entry", ["open_node", "open_bond", "stake", "withdraw", "slash_bond", "execute_slash"]
)
def test_no_way_back_in(hostile, corrupt, entry):
    pool, token = corrupt.pool, corrupt.token
    new_router = hostile.payment.register_router(corrupt.payer, sender=hostile.owner)
    if entry == "withdraw":
        pool.execute_slash(corrupt.own, sender=hostile.stranger)
    enter = {
        "open_node": lambda: pool.open_node(hostile.stranger, 5, sender=corrupt.payer),
        "open_bond": lambda: pool.open_bond(new_router, corrupt.payer, 5, sender=corrupt.payer),
        "stake": lambda: pool.stake(corrupt.own, 5, sender=corrupt.payer),
        "withdraw": lambda: pool.withdraw(corrupt.own, sender=hostile.stranger),
        "slash_bond": lambda: pool.slash_bond(
            corrupt.router_id, 5, hostile.stranger, sender=token.address
        ),
        "execute_slash": lambda: pool.execute_slash(corrupt.own, sender=hostile.stranger),
    }[entry]
    for function, payload in calls(pool, corrupt.other, hostile.stranger).items():
        if (entry, function) == ("open_bond", "bind"):
            continue  # a bond is opened in a pool that is bound
        with boa.env.anchor():
            corrupt.prepare(hostile, function)
            before = pool.position(corrupt.other), pool.slash(corrupt.other), pool.treasury()
            token.call_back(pool.address, payload)
            enter()
            assert (token.attempts(), token.successes()) == (1, 0), function
            after = pool.position(corrupt.other), pool.slash(corrupt.other), pool.treasury()
            assert after == before, function


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_same_calls_work_from_outside(hostile, corrupt, function):
    """The control: what is refused above is refused for the lock, not for its arguments."""
    pool, token = corrupt.pool, corrupt.token.address
    data = calls(pool, corrupt.other, hostile.stranger)[function]
    corrupt.prepare(hostile, function)
    boa.env.raw_call(pool.address, data=data, sender=token)
