# SPDX-License-Identifier: Apache-2.0
"""Opening sessions and adding to them."""

from __future__ import annotations

from collections.abc import Iterator

from eth_account.signers.local import LocalAccount

from scripts._gas.bench import INFINITE, NO_KEY, WALLET_WEI, Bench
from scripts._gas.cards import publish
from scripts._gas.scenario import Scenario
from scripts._gas.senders import keyed
from scripts._gas.token_signing import PERMIT, RECEIVE, sign
from scripts._gas.used import Used


def run_opening(bench: Bench) -> Iterator[Scenario]:
    """Run every way to open a session, then what follows."""
    actors, key = bench.actors, bench.session_key.address
    _, used = bench.open(actors.first_payer)
    yield Scenario("session.open.genesis", used, 1, "the escrow's very first deposit")
    with bench.aside():
        _, used = bench.open(actors.payer, session_key=key)
        yield Scenario("session.open.key", used, 1, "as open.first, with a session key")
        _, used = bench.open(actors.payer, session_key=key)
        yield Scenario("session.open.key.steady", used, 1, "the same payer's next")
    with bench.aside():
        payer = _holder(bench, "permit payer")
        used = _permit(bench, payer, 0)
        yield Scenario("session.open.permit", used, 1, "EIP-2612, the payer's first")
        used = _permit(bench, payer, 1)
        yield Scenario("session.open.permit.steady", used, 1, "the same payer's next permit")
    with bench.aside():
        payer = _holder(bench, "authorizing payer")
        used = _authorization(bench, payer)
        yield Scenario("session.open.authorization", used, 1, "EIP-3009; the payer sends nothing")
        used = _authorization(bench, payer)
        yield Scenario("session.open.authorization.steady", used, 1, "the same payer's next")
    with bench.aside():
        used = _sponsored(bench)
        yield Scenario("session.open.sponsored", used, 1, "for a payer who signed; sender deposits")
        used = _sponsored(bench)
        yield Scenario("session.open.sponsored.steady", used, 1, "for the same payer, the next")
    session, used = bench.open(actors.payer)
    yield Scenario("session.open.first", used, 1, "a payer's first session with its deposit")
    with bench.aside():
        _, used = bench.open(actors.payer)
        yield Scenario("session.open.steady", used, 1, "the same payer's next session")
    with bench.aside():
        publish(bench)
        bench.wait(86_400)
        used = bench.send(bench.payment.functions.adopt_card(), actors.owner)
        yield Scenario("session.card.adopt", used, 1, "by anyone, after a new card took effect")
    with bench.aside():
        used = bench.send(bench.payment.functions.top_up(session, 10**18), actors.payer)
        yield Scenario("session.topup.steady", used, 1, "1 COR more")


def _permit(bench: Bench, payer: LocalAccount, nonce: int) -> Used:
    request = bench.request()
    values = (payer.address, bench.payment.address, request["amount"], nonce, INFINITE)
    v, r, s = sign(bench.cor, payer, PERMIT, *values)
    call = bench.payment.functions.open_with_permit(request, INFINITE, v, r, s)
    return bench.send(call, payer.address)


def _authorization(bench: Bench, payer: LocalAccount) -> Used:
    request = bench.request()
    nonce = bench.payment.functions.hash_open(payer.address, request).call()
    values = (payer.address, bench.payment.address, request["amount"], 0, INFINITE, nonce)
    v, r, s = sign(bench.cor, payer, RECEIVE, *values)
    call = bench.payment.functions.open_with_authorization(
        payer.address, request, 0, INFINITE, v, r, s
    )
    return bench.send(call, bench.actors.anchorer)


def _sponsored(bench: Bench) -> Used:
    payer = keyed("sponsored payer")
    request = bench.request(session_key=NO_KEY)
    digest = bench.payment.functions.hash_open(payer.address, request).call()
    signature = bytes(payer.unsafe_sign_hash(digest).signature)
    call = bench.payment.functions.open_for(payer.address, request, signature)
    return bench.send(call, bench.actors.payer)


def _holder(bench: Bench, name: str) -> LocalAccount:
    """Return an account that holds COR and has allowed nobody to take it."""
    account = keyed(name)
    bench.admit(account)
    transfer = bench.cor.functions.transfer(account.address, WALLET_WEI)
    bench.send(transfer, bench.actors.owner)
    return account
