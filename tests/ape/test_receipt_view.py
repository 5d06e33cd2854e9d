# SPDX-License-Identifier: Apache-2.0
"""What a receipt's verifier asks a real node: contracts' signatures, and how final an anchor is."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from web3 import Web3

from cortensor.chain.anchor import Anchor
from cortensor.chain.contract_signature import WRAPPED, is_signed
from cortensor.errors import Unavailable
from scripts._anvil import run_anvil
from tests.ape.running import ROOT, rpc

DIGEST, OTHER = b"\x11" * 32, b"\x22" * 32
SIGNATURE = b"\x33" * 70
SALT = b"\0" * 32
FACTORY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""The deterministic deployment proxy, which Anvil has: calldata is salt and init code."""
ROOT_HASH = "0x" + "ab" * 32


def signing_contract() -> bytes:
    """Init code of a contract that says yes to DIGEST with SIGNATURE's first word, else reverts."""
    # calldata: selector, digest, offset, length, signature
    same_digest = b"\x7f" + DIGEST + b"\x60\x04\x35\x14"
    same_word = b"\x7f" + SIGNATURE[:32] + b"\x60\x64\x35\x14"
    checked = same_digest + same_word + b"\x16"
    yes = b"\x63\x16\x26\xba\x7e\x60\xe0\x1b\x60\x00\x52\x60\x20\x60\x00\xf3"
    no = b"\x60\x00\x60\x00\xfd"
    target = len(checked) + 3 + len(no)
    runtime = checked + b"\x60" + bytes([target]) + b"\x57" + no + b"\x5b" + yes
    size = bytes([len(runtime)])
    return b"\x60" + size + b"\x80\x60\x0b\x60\x00\x39\x60\x00\xf3" + runtime


def address_of(init_code: bytes) -> str:
    raw = Web3.keccak(b"\xff" + bytes.fromhex(FACTORY[2:]) + SALT + bytes(Web3.keccak(init_code)))
    return Web3.to_checksum_address("0x" + bytes(raw)[-20:].hex())


@pytest.fixture(scope="module")
def node():
    with run_anvil() as anvil:
        yield anvil.url


@pytest.fixture
def web3(node):
    return Web3(Web3.HTTPProvider(node))


def wrapped(init_code: bytes, signature: bytes) -> bytes:
    given = [FACTORY, SALT + init_code, signature]
    return encode(["address", "bytes", "bytes"], given) + WRAPPED


def test_a_contract_that_is_not_there_yet_signs_through_its_factory(web3):
    code = signing_contract()
    signer = address_of(code)
    assert web3.eth.get_code(signer) == b""
    assert is_signed(web3, signer, DIGEST, wrapped(code, SIGNATURE))
    assert not is_signed(web3, signer, OTHER, wrapped(code, SIGNATURE))
    assert not is_signed(web3, signer, DIGEST, wrapped(code, b"\x34" * 70))
    assert not is_signed(web3, signer, DIGEST, SIGNATURE)
    assert web3.eth.get_code(signer) == b"", "asking deploys nothing"


def test_nobody_signs_in_the_place_of_a_contract(web3):
    code = signing_contract()
    nobody = Web3.to_checksum_address("0x" + "77" * 20)
    assert not is_signed(web3, nobody, DIGEST, wrapped(code, SIGNATURE))
    assert not is_signed(web3, nobody, DIGEST, SIGNATURE)
    assert not is_signed(web3, nobody, DIGEST, SIGNATURE + WRAPPED)
    # A contract that returns what it was sent: its first word begins with the right selector.
    echo = b"\x36\x60\x00\x60\x00\x37\x36\x60\x00\xf3"
    web3.provider.make_request("anvil_setCode", [nobody, "0x" + echo.hex()])
    assert not is_signed(web3, nobody, DIGEST, SIGNATURE)
    assert not is_signed(web3, nobody, DIGEST, wrapped(code, SIGNATURE))


def test_a_contract_that_is_there_is_asked_itself(web3):
    code = signing_contract()
    signer = address_of(code)
    sent = {"from": web3.eth.accounts[0], "to": FACTORY, "data": SALT + code}
    web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(sent))
    assert len(web3.eth.get_code(signer)) > 0
    assert is_signed(web3, signer, DIGEST, SIGNATURE)
    assert is_signed(web3, signer, DIGEST, wrapped(code, SIGNATURE))
    assert not is_signed(web3, signer, OTHER, SIGNATURE)
    assert not is_signed(web3, signer, DIGEST, b"")


def test_a_node_that_is_not_there_is_no_answer():
    dead = Web3(Web3.HTTPProvider("http://127.0.0.1:1", exception_retry_configuration=None))
    with pytest.raises(Unavailable):
        is_signed(dead, "0x" + "77" * 20, DIGEST, SIGNATURE)


def test_an_anchor_is_as_final_as_its_block(node, web3):
    source = boa.load_partial(str(ROOT / "contracts" / "ReceiptAnchor.vy"))
    sender = web3.eth.accounts[0]
    deployed = web3.eth.send_transaction({"from": sender, "data": source.compiler_data.bytecode})
    place = web3.eth.wait_for_transaction_receipt(deployed)["contractAddress"]
    anchor = Anchor(web3, place)
    assert anchor.finality(sender, ROOT_HASH) == "none"
    data = anchor._contract.encode_abi("anchor", args=[bytes.fromhex("ab" * 32), 1, ""])
    made = web3.eth.send_transaction({"from": sender, "to": place, "data": data})
    web3.eth.wait_for_transaction_receipt(made)
    assert anchor.finality(sender, ROOT_HASH) == "soft"
    rpc(node, "anvil_mine", hex(40))
    assert anchor.finality(sender, ROOT_HASH) == "safe"
    rpc(node, "anvil_mine", hex(40))
    assert anchor.finality(sender, ROOT_HASH) == "hard"
