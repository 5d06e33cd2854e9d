# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title A wallet's consent to be an agent's
@custom:contract-name wallet_consent
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice The EIP-712 struct that a wallet signs, by key (ECDSA) or as a contract
        (ERC-1271). The domain and the struct are those that ERC-8004's clients
        have built in.
@dev    snekmate's checker takes 65 bytes at most, too few for a wallet with
        several keys, and reverts on what is no signature; its EIP-712 module
        has characters outside ASCII (CVE-2026-114114).
"""

NAME: constant(String[32]) = "ERC8004IdentityRegistry"
VERSION: constant(String[8]) = "1"

_DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME_HASH: constant(bytes32) = keccak256("ERC8004IdentityRegistry")
_VERSION_HASH: constant(bytes32) = keccak256("1")
_CONSENT_TYPE: constant(bytes32) = keccak256(
    "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)"
)
_ERC1271: constant(bytes4) = 0x1626ba7e
# Half of the order of secp256k1: a signature has one form, not two.
_MAX_S: constant(
    uint256
) = 57896044618658097711785492504343953926418782139537452191302581570759080747168


@internal
@view
def _digest(agent_id: uint256, wallet: address, owner: address, deadline: uint256) -> bytes32:
    """
    @dev What the wallet signs. The domain is computed anew, so that a fork of
         the chain has another.
    @param agent_id The agent.
    @param wallet The wallet.
    @param owner Who owns the agent: a consent ends with a transfer.
    @param deadline Unix seconds.
    @return bytes32 The digest.
    """
    domain: bytes32 = keccak256(abi_encode(_DOMAIN_TYPE, _NAME_HASH, _VERSION_HASH, chain.id, self))
    struct_hash: bytes32 = keccak256(abi_encode(_CONSENT_TYPE, agent_id, wallet, owner, deadline))
    return keccak256(concat(x"1901", domain, struct_hash))


@internal
@view
def _is_given(wallet: address, digest: bytes32, signature: Bytes[2048]) -> bool:
    """
    @dev Whether a wallet signed. A key's signature counts for an account with
         code too (EIP-7702).
    @param wallet The wallet, not zero.
    @param digest What it signed.
    @param signature Its signature.
    @return bool True if it did.
    """
    if len(signature) == 65:
        s: uint256 = extract32(signature, 32, output_type=uint256)
        v: uint256 = convert(slice(signature, 64, 1), uint256)
        if s <= _MAX_S and ecrecover(digest, v, extract32(signature, 0), s) == wallet:
            return True
    if not wallet.is_contract:
        return False
    is_success: bool = False
    answer: Bytes[32] = b""
    is_success, answer = raw_call(
        wallet,
        abi_encode(digest, signature, method_id=_ERC1271),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not is_success or len(answer) != 32:
        return False
    return convert(answer, bytes32) == convert(_ERC1271, bytes32)
