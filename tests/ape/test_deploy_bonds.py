# SPDX-License-Identifier: Apache-2.0
"""Routers' bonds: opened once, where the configuration says so, and left alone afterwards."""

from __future__ import annotations

import msgspec
import pytest

from scripts._deploy.bindings import contract_at
from scripts._deploy.checks import verify_wiring
from tests.ape import test_deploy_engine as engine
from tests.ape.test_deploy_engine import DEPLOYER, STRANGER, deploy, plan_of

pytestmark = pytest.mark.anvil
chain, web3, config = engine.chain, engine.web3, engine.config


def test_bond_is_opened_once_and_covers(web3, config, tmp_path):
    deployment = deploy(web3, config, tmp_path)
    bonds = contract_at(web3, "StakePool", deployment.address("StakePool")).functions
    amount = int(config.routers[0].bond_wei)
    assert bonds.position(1).call()[:2] == (config.routers[0].bond_owner, amount)
    assert bonds.cover(1).call() == 2 * amount
    # More in the file is no reason to send: adding is anybody's, and said nowhere else.
    router = msgspec.structs.replace(config.routers[0], bond_wei=str(2 * amount))
    assert plan_of(web3, msgspec.structs.replace(config, routers=[router]), tmp_path).is_empty
    router = msgspec.structs.replace(config.routers[0], bond_owner=STRANGER.address)
    (note,) = plan_of(web3, msgspec.structs.replace(config, routers=[router]), tmp_path).notes
    assert note.subject == "bond of router 1"
    assert note.text.startswith(f"belongs to {DEPLOYER.address} for ever")


def test_router_without_a_bond__deployed_and_verification_says_so(web3, config, tmp_path):
    router = msgspec.structs.replace(config.routers[0], bond_owner=None, bond_wei=None)
    bare = msgspec.structs.replace(config, routers=[router])
    deployment = deploy(web3, bare, tmp_path)
    assert plan_of(web3, bare, tmp_path).is_empty
    failed = [c.name for c in verify_wiring(web3, deployment.records) if c.status == "failed"]
    assert failed == ["settler_1 bonded"]
