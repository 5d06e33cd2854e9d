# SPDX-License-Identifier: Apache-2.0
"""Parts of the demo that need no chain: who pays how, and when the books are called exact."""

from __future__ import annotations

import dataclasses

import pytest
from eth_account import Account

from cortensor.client.signing import Grants
from cortensor.receipts.access import parse_token
from cortensor.receipts.typed import Domain
from scripts._demo.money import Source, adds_up
from scripts._demo.paying import payment_of
from scripts._demo.sessions import FUNDINGS, PaymentSession

DOMAIN = Domain(31337, "0x" + "11" * 20)
PAYER, KEY = Account.from_key("0x" + "22" * 32), Account.from_key("0x" + "33" * 32)
NUMBER = 1 << 128 | 7


class TestPayments:
    @pytest.mark.parametrize("funding", FUNDINGS)
    def test_only_a_voucher_session_signs_totals_and_the_payer_grants(self, funding):
        key = KEY if funding == "voucher" else None
        payment = payment_of(PaymentSession(funding, NUMBER, PAYER, key), DOMAIN)
        assert (payment.vouchers is not None) == (funding == "voucher")
        assert payment.session_key == key
        token = Grants(payment).token(0)
        assert parse_token(token).signer(DOMAIN) == PAYER.address.lower()


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
