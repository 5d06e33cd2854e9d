# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every await point of every paid path: no receipt is lost, and none is doubled."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_abi import decode

from cortensor.receipts.sign import address_of
from cortensor.store.address import DatabaseAddress, PostgresAddress
from cortensor.store.records import VOUCHER
from cortensor.store.store import Store
from tests.python.chain.settling_chain import SettlingChain, settler
from tests.python.databases import config_of
from tests.python.router.fake_model import FakeModel
from tests.python.router.fake_node import SESSION_FIELDS, functions
from tests.python.router.harness import CARD, SIGNER_KEY, config_data, token, voucher
from tests.python.router.killing import HEADER
from tests.python.router.paid_calls import COMPUTE, KINDS, Kind, Paid, PaidCall, script
from tests.python.router.victims import Nursery, Victim

LISTINGS = 2
TRIES = 20
FEWEST = 70
FUNDING = SESSION_FIELDS.index("funding")
Cut = tuple[PaidCall, bytes | None]
"""A call, and what its caller got before the router died."""


@pytest.fixture
def chain() -> Iterator[SettlingChain]:
    fake = SettlingChain(CARD, address_of(SIGNER_KEY))
    yield fake
    fake.close()


class Killer:
    """Kills routers on one database, each at its first call; what they left is finished later."""

    def __init__(self, nursery: Nursery, data: dict[str, Any], chain: SettlingChain) -> None:
        self._nursery = nursery
        self._data = data
        self._chain = chain
        self._numbers = itertools.count(1)
        self.cuts: list[Cut] = []

    def cut(self, kind: Kind, point: str) -> list[str] | None:
        """Send a call to a new router. Returns the points that it outlived, None if it died."""
        victim = Victim(self._nursery, self._data)
        try:
            call = kind.prepare(self._chain, victim.url, next(self._numbers))
            try:
                answer = call.send(victim.url, **{HEADER.decode(): point})
            except requests.RequestException:
                self.cuts.append((call, None))
            else:
                assert answer.ok, answer.text
                self.cuts.append((call, answer.content))
            return victim.outlived()
        finally:
            victim.kill()

    def kill_everywhere(self, kind: Kind, killed: set[str]) -> set[str]:
        """Kill at each point of a kind of call that is not `killed`; returns where it died."""
        listings = [self.cut(kind, "nowhere") or [] for _ in range(LISTINGS)]
        listed = dict.fromkeys(itertools.chain(*listings))
        died: set[str] = set()
        missed: set[str] = set()
        for point in new_points(listed, killed, kind.milestones):
            # A point that not every call passes may be missed, such as one for a slow socket.
            is_passed_always = all(point in each for each in listings)
            tries = TRIES if is_passed_always else 1
            if any(self.cut(kind, point) is None for _ in range(tries)):
                died.add(point)
            elif is_passed_always:
                missed.add(point)
        # How often a stream is waited for is the socket's; that it is waited for is not.
        never = {place_of(point) for point in missed} - {place_of(point) for point in died | killed}
        assert not never, never
        for milestone, when in itertools.product(kind.milestones, ("waits ", "goes on ")):
            assert any(p.startswith(when) and milestone in p for p in died), (when, milestone)
        return died


def new_points(listed: Iterable[str], killed: set[str], milestones: tuple[str, ...]) -> list[str]:
    """The points where no router died yet, and milestones.

    Of a place where one did, the last passage will do.
    """
    last = {place_of(point): point for point in listed}
    places = {place_of(point) for point in killed}

    def is_new(point: str) -> bool:
        place = place_of(point)
        if place not in places:
            return True
        is_milestone = any(name in place for name in milestones)
        return point == last[place] and (point not in killed or is_milestone)

    return [point for point in listed if is_new(point)]


def place_of(point: str) -> str:
    return point.rpartition(" #")[0]


def finish_at(url: str, cut: Cut) -> list[Paid]:
    """Retry what was cut, twice: the answer is the same, and the one that was seen."""
    call, seen = cut
    whole = call.at_once()
    answer = whole.send(url)
    assert answer.ok, answer.text
    again = whole.send(url)
    assert again.content == answer.content
    assert again.headers["idempotent-replayed"] == "true"
    paid = whole.paid(answer.content)
    if seen is not None:
        assert call.paid(seen) == paid
        assert call.streams or seen == answer.content
    return [*call.before, paid]


@pytest.mark.slow
def test_kill_nine_at_every_await_point(
    tmp_path: Path,
    chain: SettlingChain,
    model: FakeModel,
    database: DatabaseAddress,
    nursery: Nursery,
) -> None:
    script(model)
    data = config_data(
        tmp_path,
        chain,
        model,
        database=config_of(database),
        sessions=COMPUTE,
        limits={"lease_ms": 2000, "session_cache_s": 60},
    )
    is_shared = isinstance(database, PostgresAddress)
    other = Victim(nursery, data) if is_shared else None
    killer = Killer(nursery, data, chain)
    killed: set[str] = set()
    try:
        for kind in KINDS:
            killed |= killer.kill_everywhere(kind, killed)
        other = other or Victim(nursery, data)
        paid = [each for cut in killer.cuts for each in finish_at(other.url, cut)]
        hand_in_vouchers(other.url, chain, paid)
    finally:
        if other is not None:
            other.kill()
    assert len(killed) >= FEWEST
    check_money(database, chain, paid)


def totals(paid: list[Paid]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in paid:
        found[each.session] = found.get(each.session, 0) + each.charge
    return found


def hand_in_vouchers(url: str, chain: SettlingChain, paid: list[Paid]) -> None:
    for session, total in totals(paid).items():
        if chain.sessions[int(session, 16)][FUNDING] == VOUCHER:
            amount, _, signature = voucher(session, total).partition(":")
            body = {"session_id": session, "cumulative_wei": amount, "signature": signature}
            headers = {"Authorization": f"Bearer {token(session)}"}
            answer = requests.post(f"{url}/api/v4/voucher", json=body, headers=headers, timeout=30)
            assert answer.json()["vouchered_wei"] == answer.json()["charged_wei"] == str(total)


def check_money(database: DatabaseAddress, chain: SettlingChain, paid: list[Paid]) -> None:
    """Receipts, ledger and what the chain was sent all say what the callers were told."""
    with Store(database) as store:
        assert store.ledger.audit() == []
        rows = store.database.rows("SELECT receipt_id FROM receipts ORDER BY receipt_id")
        assert [row["receipt_id"] for row in rows] == sorted(each.receipt for each in paid)
        for session, total in totals(paid).items():
            account = store.ledger.account(session)
            assert account is not None
            assert (account.spent, account.reserved) == (total, 0)
        batches = settler(chain, store).settle_all()
        assert sum(batch.receipts for batch in batches) == len(paid)
        assert store.outbox.build(None, 1) is None
    assert settled(chain) == totals(paid)


def settled(chain: SettlingChain) -> dict[str, int]:
    """The last cumulative of each session in the calls that were mined."""
    found: dict[str, int] = {}
    for sent in chain.mined.values():
        data = bytes(sent["data"])
        name, inputs, _ = functions("SessionPayment")[data[:4].hex()]
        (batch,) = decode(inputs, data[4:])
        for each in batch[5]:
            item = each[0] if name == "settle_vouchers" else each
            found[f"0x{item >> 96:040x}"] = item & (2**96 - 1)
    return found
