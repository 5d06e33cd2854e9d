# SPDX-License-Identifier: Apache-2.0
"""Registries are deployed where, and only where, a chain lacks them; others' are used."""

from __future__ import annotations

import pytest
from web3 import Web3

from cortensor.chain.erc8004 import MAINNET, TESTNET, find_registries, own_addresses
from cortensor.chain.rpc import connect
from cortensor.errors import InvalidInput, NotFound
from scripts._anvil import ROOT, run_anvil
from scripts._deploy import KeySigner, deploy_all, load_config, make_plan
from scripts._deploy.checks import verify_record, verify_wiring
from scripts._deploy.config import resolve
from scripts._deploy.engine import inspection
from scripts._deploy.records import Store
from tests.ape.agents.registries import deploy, place

pytestmark = pytest.mark.anvil

# Anvil's first two accounts.
DEPLOYER = KeySigner("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
SETTLER = KeySigner("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
KINDS = ("identity", "reputation", "validation")
NAMES = ("IdentityRegistry", "ReputationRegistry", "ValidationRegistry")
SOMEWHERE = "0x" + "5e" * 20


@pytest.fixture(scope="module")
def chain():
    with run_anvil() as anvil:
        yield connect(anvil.url)


@pytest.fixture
def web3(chain):
    """The chain, as it was, afterwards."""
    snapshot = chain.provider.make_request("evm_snapshot", [])["result"]
    yield chain
    chain.provider.make_request("evm_revert", [snapshot])


def remove(web3: Web3, address: str) -> None:
    """Leave no code at an address."""
    web3.provider.make_request("anvil_setCode", [address, "0x"])


def planned(web3: Web3, folder) -> dict[str, str]:
    """Return what a deployment would do, by contract; nothing is sent."""
    store = Store(folder, "local")
    view = inspection(web3, config(), (DEPLOYER, SETTLER), store, is_own_node=True)
    return {item.name: item.action for item in make_plan(view).contracts}


def config():
    """Return the local configuration with an address in every role."""
    loaded = load_config(ROOT / "config" / "local.toml")
    return resolve(loaded, DEPLOYER.address, lambda _index: SETTLER.address)


def deployed(web3: Web3, folder):
    """Deploy everything; return the records of the registries, verified."""
    done = deploy_all(
        web3, config(), (DEPLOYER, SETTLER), folder, network="local", is_own_node=True
    )
    records = {name: record for name, record in done.records.items() if name in NAMES}
    checks = [
        check for record in records.values() for check in verify_record(web3, record, fresh=False)
    ]
    checks += verify_wiring(web3, done.records)
    assert {check.status for check in checks} == {"ok"}
    assert set(planned(web3, folder).values()) == {"keep"}
    return records


def test_a_chain_without_any_gets_ours_and_keeps_them(web3, tmp_path):
    with pytest.raises(NotFound, match="no ERC-8004 identity registry, canonical or recorded"):
        find_registries(web3)
    records = deployed(web3, tmp_path)
    assert set(records) == set(NAMES)
    own = own_addresses(tmp_path)
    assert own == {kind: records[name]["address"] for kind, name in zip(KINDS, NAMES, strict=True)}
    found = find_registries(web3, own)
    assert {kind: found.require(kind) for kind in KINDS} == own
    assert (found.is_canonical, found.missing, found.chain_id) == (False, {}, 31_337)
    # If a canonical one comes, what is recorded stays: agents are in it. Whoever asks for the
    # chain's registries gets those that everybody uses.
    place(web3, MAINNET._asdict())
    plan = planned(web3, tmp_path)
    assert [plan[name] for name in NAMES] == ["keep"] * 3
    assert find_registries(web3, own).identity == MAINNET.identity


@pytest.mark.parametrize("canonical", [MAINNET, TESTNET], ids=["mainnet", "testnet"])
def test_canonical_registries_are_used(web3, tmp_path, canonical):
    place(web3, canonical._asdict())
    assert set(NAMES).isdisjoint(planned(web3, tmp_path))
    assert deployed(web3, tmp_path) == {}
    validator = Store(tmp_path, "local").load("AgentValidator")
    assert validator["constructor_args"]["validation"] == canonical.validation
    found = find_registries(web3)
    assert {kind: found.require(kind) for kind in KINDS} == canonical._asdict()
    assert found.is_canonical is True


def test_ours_stands_in_for_a_canonical_one_that_is_missing(web3, tmp_path):
    place(web3, TESTNET._asdict())
    remove(web3, TESTNET.validation)
    alone = find_registries(web3)
    assert alone.reputation == TESTNET.reputation
    assert alone.validation is None
    with pytest.raises(NotFound) as refused:
        alone.require("validation")
    assert refused.value.code == "registry_missing"
    assert refused.value.reason == (
        f"chain 31337 has no validation registry beside {TESTNET.identity}: "
        f"{TESTNET.validation} has no code; deploy ours with `ape run deploy`"
    )
    records = deployed(web3, tmp_path)
    assert set(records) == {"ValidationRegistry"}
    assert records["ValidationRegistry"]["constructor_args"] == {"identity": TESTNET.identity}
    found = find_registries(web3, own_addresses(tmp_path))
    assert found.validation == records["ValidationRegistry"]["address"]
    assert (found.is_canonical, found.reputation) == (True, TESTNET.reputation)


def test_code_that_is_no_registry_is_told(web3):
    place(web3, TESTNET._asdict())
    placeholder = web3.eth.get_code(deploy(web3, "ReceiptAnchor")).hex()
    for address in (TESTNET.validation, TESTNET.reputation):
        web3.provider.make_request("anvil_setCode", [address, "0x" + placeholder])
    found = find_registries(web3)
    assert found.reputation is None
    assert "a placeholder" in found.missing["validation"]
    other = deploy(web3, "IdentityRegistry")
    beside_other = deploy(web3, "ValidationRegistry", other)
    found = find_registries(web3, {"validation": beside_other})
    assert found.validation is None
    assert (
        f"{beside_other} stands beside another identity registry, {other}"
        in (found.missing["validation"])
    )


def test_an_address_that_does_not_answer_is_no_identity_registry(web3, tmp_path):
    with pytest.raises(NotFound, match=f"no registry answers at {SOMEWHERE}"):
        find_registries(web3, {"identity": SOMEWHERE})
    anchor = deploy(web3, "ReceiptAnchor")
    with pytest.raises(NotFound, match=f"no registry answers at {anchor}"):
        find_registries(web3, {"identity": anchor})
    with pytest.raises(InvalidInput, match="no folder"):
        own_addresses(tmp_path / "nowhere")
