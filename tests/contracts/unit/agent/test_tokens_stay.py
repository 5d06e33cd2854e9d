# SPDX-License-Identifier: Apache-2.0
"""INV-V6: approved for an agent, AgentValidator can still not move, approve or rewrite it."""

from __future__ import annotations

import boa
import pytest
from eth_utils import function_signature_to_4byte_selector

from tests.contracts.agents import URI, receipt_id
from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import ZERO_ADDRESS, deployer_of
from tests.contracts.unit.agent.test_replace import after

CALLS = {
    "isAuthorizedOrOwner(address,uint256)",
    "ownerOf(uint256)",
    "router(uint256)",
    "is_anchored(address,bytes32,bytes32[],bytes32)",
    "status(address,bytes32)",
    "getValidationStatus(bytes32)",
    "validationRequest(address,uint256,string,bytes32)",
    "validationResponse(bytes32,uint8,string,bytes32,string)",
}
NEVER = {
    "transferFrom(address,address,uint256)",
    "safeTransferFrom(address,address,uint256)",
    "safeTransferFrom(address,address,uint256,bytes)",
    "approve(address,uint256)",
    "setApprovalForAll(address,bool)",
    "setAgentURI(uint256,string)",
    "setMetadata(uint256,string,bytes)",
    "setAgentWallet(uint256,address,uint256,bytes)",
    "unsetAgentWallet(uint256)",
}


def facts(agents):
    """Return all that an agent is."""
    identity, agent = agents.identity, agents.agent
    return (
        identity.ownerOf(agent),
        identity.getApproved(agent),
        identity.tokenURI(agent),
        identity.getAgentWallet(agent),
        identity.balanceOf(agents.agent_owner),
        identity.isApprovedForAll(agents.agent_owner, agents.validator),
    )


def test_inv_v6_no_call_touches_the_token(agents, validator):
    before = facts(agents)
    agents.attest()
    key, old = agents.respond()
    new = after(agents, old)
    agents.anchor.supersede(receipt_id(old), receipt_id(new), sender=agents.settler)
    validator.retract(key, old, sender=agents.stranger)
    validator.replace(key, URI, new, old, sender=agents.settler)
    validator.allow(agents.agent, agents.stranger, True, sender=agents.agent_owner)
    validator.authorise(agents.stranger, True, sender=agents.settler)
    assert facts(agents) == before


def test_inv_v6_the_code_has_no_selector_that_would():
    code = deployer_of("AgentValidator").compiler_data.bytecode_runtime
    for signature in CALLS:
        assert function_signature_to_4byte_selector(signature).lstrip(b"\0") in code, signature
    for signature in NEVER:
        assert function_signature_to_4byte_selector(signature).lstrip(b"\0") not in code, signature


@pytest.mark.parametrize("signature", sorted(NEVER))
def test_inv_v6_the_validator_has_no_function_of_the_token(agents, validator, signature):
    data = function_signature_to_4byte_selector(signature) + bytes(32 * 8)
    done = boa.env.execute_code(validator.address, sender=agents.agent_owner, data=data)
    assert done.is_error
    assert done.output == b""


def test_a_token_is_not_sent_to_it_by_mistake(agents, validator):
    with pytest.raises(boa.BoaError):
        agents.identity.safeTransferFrom(
            agents.agent_owner, validator, agents.agent, sender=agents.agent_owner
        )
    assert agents.identity.ownerOf(agents.agent) == agents.agent_owner


def test_deployment(agents, validator):
    assert validator.PAYMENT() == agents.payment.address
    assert validator.ANCHOR() == agents.anchor.address
    assert validator.VALIDATION() == agents.validation.address
    assert validator.IDENTITY() == agents.identity.address
    with boa.reverts("agent: no payment there"):
        deploy_fresh("AgentValidator", agents.stranger, agents.validation)
    with boa.reverts("agent: no registry there"):
        deploy_fresh("AgentValidator", agents.payment, ZERO_ADDRESS)
