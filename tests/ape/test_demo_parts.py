# SPDX-License-Identifier: Apache-2.0
"""Parts of the demo that need no chain: what a payer signs, and when the books are called exact."""

from __future__ import annotations

import dataclasses

import pytest
from eth_account import Account

from cortensor.errors import Conflict
from cortensor.receipts.access import parse_token
from cortensor.receipts.evidence import request_commitment
from cortensor.receipts.sign import recover
from cortensor.receipts.typed import Domain, Request, Voucher
from cortensor.router.headers import (
    MAX_CHARGE_HEADER,
    SALT_HEADER,
    SIGNATURE_HEADER,
    VOUCHER_HEADER,
)
from cortensor.router.requests import canonical_request
from scripts._demo.client import Client
from scripts._demo.money import Source, adds_up
from scripts._demo.sessions import FUNDINGS, PaymentSession

DOMAIN = Domain(31337, "0x" + "11" * 20)
PAYER, KEY = Account.from_key("0x" + "22" * 32), Account.from_key("0x" + "33" * 32)
NUMBER = 1 << 128 | 7
BODY = {"session_id": f"0x{NUMBER:040x}", "objective": "Name a colour."}


def make_client(funding="voucher"):
    key = KEY if funding == "voucher" else None
    return Client(PaymentSession(funding, NUMBER, PAYER, key), DOMAIN, expires=2**40)


def signature_of(text):
    return bytes.fromhex(text.removeprefix("0x"))


class TestClient:
    @pytest.mark.parametrize("funding", FUNDINGS)
    def test_the_payer_grants_access_and_a_session_key_never_does(self, funding):
        access = parse_token(make_client(funding).token)
        assert access.signer(DOMAIN) == PAYER.address.lower()

    def test_a_session_without_a_key_signs_no_request(self):
        client = make_client("escrow")
        client.accept(5, 5)
        assert client.headers("delegate", BODY) == {}
        assert client.last_voucher() is None

    def test_the_key_signs_the_request_that_is_sent(self):
        headers = make_client().headers("delegate", BODY)
        commitment = request_commitment(
            signature_of(headers[SALT_HEADER]), canonical_request("delegate", BODY)
        )
        asked = Request(NUMBER, commitment, int(headers[MAX_CHARGE_HEADER]))
        signer = recover(asked.digest(DOMAIN), signature_of(headers[SIGNATURE_HEADER]))
        assert signer == KEY.address.lower()
        assert VOUCHER_HEADER not in headers

    def test_each_request_has_a_salt_of_its_own(self):
        client = make_client()
        salts = {client.headers("delegate", BODY)[SALT_HEADER] for _ in range(3)}
        assert len(salts) == 3

    def test_the_next_request_carries_the_signed_running_total(self):
        client = make_client()
        client.accept(5, 5)
        client.accept(3, 8)
        amount, _, signature = client.headers("delegate", BODY)[VOUCHER_HEADER].partition(":")
        assert amount == "8"
        owed = Voucher(NUMBER, 8)
        assert recover(owed.digest(DOMAIN), signature_of(signature)) == KEY.address.lower()
        assert client.last_voucher() == {
            "session_id": BODY["session_id"],
            "cumulative_wei": "8",
            "signature": signature,
        }

    @pytest.mark.parametrize("funding", FUNDINGS)
    @pytest.mark.parametrize("total", [7, 9])
    def test_a_total_that_is_not_owed_is_refused_and_never_signed(self, funding, total):
        client = make_client(funding)
        client.accept(5, 5)
        before = client.last_voucher()
        with pytest.raises(Conflict, match="8 are"):
            client.accept(3, total)
        assert client.last_voucher() == before


CHARGED = {"escrow": 10**15, "voucher": 2 * 10**15, "stake": 3 * 10**15 - 1}
SHARES = [4 * 10**15, 15 * 10**14, 5 * 10**14]


def sources():
    """Books that add up; the stake's last micro-COR is rounded up by a wei."""
    return [
        Source("escrow", "", 5 * 10**15, 10**15, 4 * 10**15),
        Source("voucher", "", 5 * 10**15, 2 * 10**15, 3 * 10**15),
        Source("stake", "", 10**16, 10**15, 9 * 10**15),
        Source("stake", "", 10**18, 2 * 10**15, 10**18 - 2 * 10**15),
    ]


class TestBooks:
    def test_books_that_add_up(self):
        assert adds_up(sources(), CHARGED, SHARES, 0)

    @pytest.mark.parametrize("place", range(4))
    @pytest.mark.parametrize("name", ["put_in", "paid", "back"])
    @pytest.mark.parametrize("wei", [-1, 1])
    def test_one_wei_in_a_source_is_noticed(self, place, name, wei):
        wrong = sources()
        amount = getattr(wrong[place], name)
        wrong[place] = dataclasses.replace(wrong[place], **{name: amount + wei})
        assert not adds_up(wrong, CHARGED, SHARES, 0)

    @pytest.mark.parametrize("place", range(3))
    @pytest.mark.parametrize("wei", [-1, 1])
    def test_one_wei_in_a_pot_is_noticed(self, place, wei):
        wrong = list(SHARES)
        wrong[place] += wei
        assert not adds_up(sources(), CHARGED, wrong, 0)

    def test_one_wei_left_in_a_contract_is_noticed(self):
        assert not adds_up(sources(), CHARGED, SHARES, 1)

    @pytest.mark.parametrize("funding", ["escrow", "voucher"])
    @pytest.mark.parametrize("wei", [-1, 1])
    def test_a_deposit_pays_what_its_receipts_say_to_the_wei(self, funding, wei):
        wrong = {**CHARGED, funding: CHARGED[funding] + wei}
        assert not adds_up(sources(), wrong, SHARES, 0)

    @pytest.mark.parametrize(("charged", "is_exact"), [(-(10**12), False), (1, True), (2, False)])
    def test_stake_pays_its_receipts_rounded_up_to_a_micro_cor(self, charged, is_exact):
        owed = {**CHARGED, "stake": CHARGED["stake"] + charged}
        assert adds_up(sources(), owed, SHARES, 0) is is_exact

    def test_money_moved_from_one_funding_to_another_is_noticed(self):
        wrong = sources()
        wrong[0] = dataclasses.replace(wrong[0], paid=wrong[0].paid + 1, back=wrong[0].back - 1)
        wrong[1] = dataclasses.replace(wrong[1], paid=wrong[1].paid - 1, back=wrong[1].back + 1)
        assert not adds_up(wrong, CHARGED, SHARES, 0)
