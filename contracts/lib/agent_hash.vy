# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title What a receipt about an agent is about
@custom:contract-name agent_hash
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice The two subjects that a router signs, EIP-712 struct hashes: another's
        request (AgentSubject), and what an agent attests of itself
        (AgentSelfSubject). No receipt of the one kind serves for the other. And
        what is asked in a self-attestation (AgentRequest), whose salt nobody
        knows before it is there. The mirror: src/cortensor/receipts/agent_subject.py.
"""

# One literal each, since a constant's hash takes no expression.
_SUBJECT_TYPE: constant(bytes32) = keccak256(
    "AgentSubject(uint256 chain_id,address registry,address validator,uint256 agent_id,bytes32 request_hash)"
)
_SELF_SUBJECT_TYPE: constant(bytes32) = keccak256(
    "AgentSelfSubject(uint256 chain_id,address registry,address validator,uint256 agent_id,bytes32 request)"
)
_REQUEST_TYPE: constant(bytes32) = keccak256(
    "AgentRequest(uint256 chain_id,address registry,address validator,uint256 agent_id,bytes32 payload_hash,bytes32 salt)"
)


@internal
@view
def _subject(registry: address, agent_id: uint256, request_hash: bytes32) -> bytes32:
    """
    @dev The subject of a receipt that answers a request naming this contract.
    @param registry The validation registry.
    @param agent_id The agent.
    @param request_hash The request's key in the registry.
    @return bytes32 The subject.
    """
    return keccak256(abi_encode(_SUBJECT_TYPE, chain.id, registry, self, agent_id, request_hash))


@internal
@view
def _self_subject(registry: address, agent_id: uint256, request: bytes32) -> bytes32:
    """
    @dev The subject of a receipt by which an agent attests of itself.
    @param registry The validation registry.
    @param agent_id The agent.
    @param request What is asked.
    @return bytes32 The subject.
    """
    return keccak256(abi_encode(_SELF_SUBJECT_TYPE, chain.id, registry, self, agent_id, request))


@internal
@view
def _request(registry: address, agent_id: uint256, payload_hash: bytes32, salt: bytes32) -> bytes32:
    """
    @dev What is asked in a self-attestation.
    @param registry The validation registry.
    @param agent_id The agent.
    @param payload_hash The keccak256 of the payload.
    @param salt 32 bytes that nobody else knows.
    @return bytes32 Its hash, and its key in the registry unless that is taken.
    """
    return keccak256(
        abi_encode(_REQUEST_TYPE, chain.id, registry, self, agent_id, payload_hash, salt)
    )
