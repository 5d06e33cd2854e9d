# SPDX-License-Identifier: Apache-2.0
"""The test doubles do what the tests that use them take for granted."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector, keccak

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import COR, SUPPLY, ZERO_ADDRESS, deployer_of
from tests.contracts.signing import account, sign

MAGIC = bytes.fromhex("1626ba7e")
DIGEST = keccak(text="what is signed")


def calldata(signature: str, *values: object) -> bytes:
    """Return the calldata of a function."""
    types = signature[signature.index("(") + 1 : -1].split(",")
    return function_signature_to_4byte_selector(signature) + encode(
        types if values else [], list(values)
    )


@pytest.fixture(scope="module")
def owner():
    return account("owner of a wallet")


@pytest.fixture(scope="module")
def stranger():
    return boa.env.generate_address("stranger")


@pytest.fixture(scope="module")
def wallet(owner):
    return deploy_fresh("mocks/MockWallet", owner.address)


@pytest.fixture(scope="module")
def cor(wallet):
    with boa.env.prank(boa.env.generate_address()):
        cor = deployer_of("mocks/MockCOR").deploy(SUPPLY)
        cor.transfer(wallet, COR)
    return cor


def test_a_fee_token_delivers_less_once_it_is_told(stranger):
    payer = boa.env.generate_address("payer")
    with boa.env.prank(payer):
        token = deployer_of("mocks/MockFeeToken").deploy(SUPPLY)
        token.transfer(stranger, COR)
        assert token.balanceOf(stranger) == COR
        token.approve(payer, 10_001)
        token.set_fee(100)
        assert token.fee_bps() == 100
        token.transferFrom(payer, stranger, 10_001)
    # The fee of 100.01 wei is rounded up.
    assert token.balanceOf(stranger) == COR + 9_900
    assert token.totalSupply() == SUPPLY - 101
    assert token.balanceOf(payer) == SUPPLY - COR - 10_001
    assert token.allowance(payer, payer) == 0


def test_a_wallet_signs_with_its_owners_key(wallet, owner):
    assert wallet.isValidSignature(DIGEST, sign(owner, DIGEST)) == MAGIC
    other = account("another owner of a wallet")
    for signature in (sign(other, DIGEST), b"", sign(owner, DIGEST)[:64], bytes(65)):
        assert wallet.isValidSignature(DIGEST, signature) != MAGIC


def test_a_rotated_key_signs_no_more(wallet, owner):
    other = account("another owner of a wallet")
    wallet.rotate(other.address, sender=owner.address)
    assert wallet.owner() == other.address
    assert wallet.isValidSignature(DIGEST, sign(owner, DIGEST)) != MAGIC
    assert wallet.isValidSignature(DIGEST, sign(other, DIGEST)) == MAGIC
    with boa.reverts("wallet: caller is not the owner"):
        wallet.rotate(owner.address, sender=owner.address)


def test_a_wallet_acts_for_its_owner_only(wallet, owner, cor, stranger):
    call = calldata("transfer(address,uint256)", stranger, 10)
    returned = wallet.execute(cor, call, sender=owner.address)
    assert int.from_bytes(returned, "big") == 1
    assert cor.balanceOf(stranger) == 10
    with boa.reverts("wallet: caller is not the owner"):
        wallet.execute(cor, call, sender=stranger)
    with boa.reverts("wallet: caller is not the owner"):
        wallet.call_back(cor, call, sender=stranger)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        wallet.execute(
            cor, calldata("transfer(address,uint256)", stranger, COR), sender=owner.address
        )


def test_a_call_back_that_gets_through_spoils_the_signature(wallet, owner, cor):
    signature = sign(owner, DIGEST)
    wallet.call_back(cor, calldata("totalSupply()"), sender=owner.address)
    assert wallet.isValidSignature(DIGEST, signature) != MAGIC
    wallet.call_back(cor, b"no such function", sender=owner.address)
    assert wallet.isValidSignature(DIGEST, signature) == MAGIC
    wallet.call_back(ZERO_ADDRESS, b"", sender=owner.address)
    assert wallet.isValidSignature(DIGEST, signature) == MAGIC


def test_a_call_back_is_counted_when_coin_comes_in(wallet, owner, cor, stranger):
    boa.env.set_balance(stranger, 3)
    wallet.call_back(cor, calldata("transfer(address,uint256)", stranger, 5), sender=owner.address)
    boa.env.raw_call(wallet.address, sender=stranger, value=1)
    assert (wallet.attempts(), wallet.successes()) == (1, 1)
    assert cor.balanceOf(stranger) == 5
    assert boa.env.get_balance(wallet.address) == 1
