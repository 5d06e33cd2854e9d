# SPDX-License-Identifier: Apache-2.0
"""Deploying where COR is the chain's own coin: WrappedCOR goes first, and bonds are wrapped."""

from __future__ import annotations

import msgspec
import pytest

from scripts._deploy.bindings import contract_at
from scripts._deploy.checks import verify_record, verify_wiring
from scripts._deploy.config import Token
from tests.ape import test_deploy_engine as engine
from tests.ape.test_deploy_engine import DEPLOYER, SETTLER, deploy, plan_of

pytestmark = pytest.mark.anvil
chain, web3, config = engine.chain, engine.web3, engine.config


def test_wrapped_coin__the_wrapper_is_deployed_and_the_bond_is_wrapped(web3, config, tmp_path):
    """On a chain whose own coin is COR."""
    bond = int(config.routers[0].bond_wei)
    web3.provider.make_request("anvil_setBalance", [SETTLER.address, hex(2 * bond)])
    wrapped = msgspec.structs.replace(config, token=Token(address="wrapped"))
    deployment = deploy(web3, wrapped, tmp_path, own=False)
    assert "MockCOR" not in deployment.records
    token = contract_at(web3, "WrappedCOR", deployment.token).functions
    assert token.balanceOf(deployment.address("StakePool")).call() == bond
    assert web3.eth.get_balance(deployment.token) == bond
    checks = [
        check
        for record in deployment.records.values()
        for check in verify_record(web3, record, fresh=False)
    ]
    checks += verify_wiring(web3, deployment.records)
    assert {check.status for check in checks} == {"ok"}
    assert plan_of(web3, wrapped, tmp_path, own=False).is_empty


def test_wrapped_coin__what_is_wrapped_already_is_not_wrapped_again(web3, config, tmp_path):
    bond = int(config.routers[0].bond_wei)
    web3.provider.make_request("anvil_setBalance", [SETTLER.address, hex(2 * bond)])
    wrapped = msgspec.structs.replace(config, token=Token(address="wrapped"))
    first = deploy(web3, wrapped, tmp_path, signers=(DEPLOYER,))
    assert [(call.function, call.value) for call in first.manual] == [
        ("deposit", bond),
        ("approve", 0),
        ("open_bond", 0),
        ("authorise", 0),
    ]
    one = {"from": SETTLER.address, "to": first.token, "value": 1, "data": "0xd0e30db0"}
    web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(one))
    again = plan_of(web3, wrapped, tmp_path)
    assert (again.calls[0].function, again.calls[0].value) == ("deposit", bond - 1)
