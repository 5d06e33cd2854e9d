# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Identity registry of agents
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice ERC-8004's register of agents (revision 2026-01-25), for chains that lack
        the canonical one. An agent is an ERC-721 token: it can be sold, and
        managed by operators. Selectors, topics, the signing domain and the
        texts of refusals are those that existing clients know.
@dev    Whether the agent's wallet is its owner, as after `register`, is a note
        in the owner's word: it costs nothing, and a transfer clears it. No lock
        is taken: the one call that may call back, to a receiver, is the last
        act of what makes it, and whoever gets an agent may use it at once.
@custom:security No owner, no upgrade, no fee, no burning. Whoever is approved
                 for a token may move it and write for it, as ERC-721 has it.
@custom:kill Nothing to switch off: an agent ends when its owner empties its
             URI, or sends it where nobody can move it.
@custom:invariants
        INV-E1 Ids count from 0 without a gap; an agent that exists, exists for
        ever, and the balances sum up to their number.
        INV-E2 Only its owner, an operator or who is approved moves or writes an
        agent.
        INV-E3 A wallet is set by `register`, as the owner, or with its own
        signature for this agent, this owner and this chain; a transfer clears
        it.
"""

from contracts.interfaces import IIdentityRegistry
from contracts.lib import wallet_consent
from contracts.modules import agent_tokens
from contracts.modules import kept_bytes
from snekmate.tokens.interfaces import IERC4906

implements: IIdentityRegistry
initializes: agent_tokens
initializes: kept_bytes

exports: (
    agent_tokens.approve,
    agent_tokens.balanceOf,
    agent_tokens.getApproved,
    agent_tokens.isApprovedForAll,
    agent_tokens.ownerOf,
    agent_tokens.setApprovalForAll,
)

_WALLET_KEY: constant(String[64]) = "agentWallet"
_MAX_AHEAD_SECONDS: constant(uint256) = 300

# @dev Notes: where an agent's wallet is.
_NO_WALLET: constant(uint256) = 0
_OWNER_IS_WALLET: constant(uint256) = 1
_WALLET_IS_KEPT: constant(uint256) = 2

_INTERFACES: constant(bytes4[4]) = [
    0x01ffc9a7,  # ERC-165
    0x80ac58cd,  # ERC-721
    0x5b5e139f,  # ERC-721 with metadata
    0x49064906,  # ERC-4906, updates of metadata
]

# @dev agent -> its wallet, where the note says that it is kept here.
_wallets: HashMap[uint256, address]


@deploy
def __init__():
    pass


# ---------------------------------------------------------------------------
# Agents
# ---------------------------------------------------------------------------


@external
@reentrant
def register(
    agentURI: String[8192] = "", metadata: DynArray[IIdentityRegistry.MetadataEntry, 16] = []
) -> uint256:
    agent_id: uint256 = agent_tokens._mint(msg.sender, _OWNER_IS_WALLET)
    if len(agentURI) != 0:
        key: bytes32 = convert(agent_id, bytes32)
        if len(agentURI) <= kept_bytes.IN_WORDS:
            kept_bytes._keep(key, convert(convert(agentURI, Bytes[8192]), Bytes[96]))
        else:
            kept_bytes._keep_code(
                key,
                raw_create(
                    concat(
                        kept_bytes.PUSH2,
                        kept_bytes._code_bytes(len(agentURI)),
                        kept_bytes.CODE,
                        convert(agentURI, Bytes[8192]),
                    )
                ),
            )
        log IERC4906.MetadataUpdate(_tokenId=agent_id)
    log IIdentityRegistry.Registered(agentId=agent_id, agentURI=agentURI, owner=msg.sender)
    self._tell_wallet(agent_id, msg.sender)
    for i: uint256 in range(len(metadata), bound=16):
        self._keep(agent_id, metadata[i].metadataKey, metadata[i].metadataValue)
    agent_tokens._ask_receiver(empty(address), msg.sender, agent_id, b"")
    return agent_id


@external
@reentrant
def setAgentURI(agentId: uint256, newURI: String[8192]):
    self._check_writer(agentId)
    key: bytes32 = convert(agentId, bytes32)
    if len(newURI) <= kept_bytes.IN_WORDS:
        kept_bytes._keep(key, convert(convert(newURI, Bytes[8192]), Bytes[96]))
    else:
        kept_bytes._keep_code(
            key,
            raw_create(
                concat(
                    kept_bytes.PUSH2,
                    kept_bytes._code_bytes(len(newURI)),
                    kept_bytes.CODE,
                    convert(newURI, Bytes[8192]),
                )
            ),
        )
    log IERC4906.MetadataUpdate(_tokenId=agentId)
    log IIdentityRegistry.URIUpdated(agentId=agentId, newURI=newURI, updatedBy=msg.sender)


@external
@reentrant
def setMetadata(agentId: uint256, metadataKey: String[64], metadataValue: Bytes[1024]):
    self._check_writer(agentId)
    self._keep(agentId, metadataKey, metadataValue)


@external
@reentrant
def setAgentWallet(agentId: uint256, newWallet: address, deadline: uint256, signature: Bytes[2048]):
    self._check_writer(agentId)
    assert newWallet != empty(address), "bad wallet"
    assert deadline >= block.timestamp, "expired"
    assert deadline <= block.timestamp + _MAX_AHEAD_SECONDS, "deadline too far"
    owner: address = agent_tokens._owner_of(agentId)
    digest: bytes32 = wallet_consent._digest(agentId, newWallet, owner, deadline)
    assert wallet_consent._is_given(newWallet, digest, signature), "invalid wallet sig"
    self._wallets[agentId] = newWallet
    agent_tokens._write_note(agentId, _WALLET_IS_KEPT)
    self._tell_wallet(agentId, newWallet)


@external
@reentrant
def unsetAgentWallet(agentId: uint256):
    self._check_writer(agentId)
    agent_tokens._write_note(agentId, _NO_WALLET)
    self._tell_wallet(agentId, empty(address))


@external
@view
@reentrant
def getMetadata(agentId: uint256, metadataKey: String[64]) -> Bytes[8192]:
    if metadataKey == _WALLET_KEY:
        return self._wallet_bytes(self._wallet(agentId))
    return kept_bytes._kept(self._slot(agentId, metadataKey))


@external
@view
@reentrant
def getAgentWallet(agentId: uint256) -> address:
    return self._wallet(agentId)


@external
@view
@reentrant
def isAuthorizedOrOwner(spender: address, agentId: uint256) -> bool:
    return agent_tokens._may_act(spender, agentId)


@external
@pure
@reentrant
def getVersion() -> String[8]:
    return "2.0.0"


@external
@view
@reentrant
def eip712Domain() -> (
    bytes1, String[32], String[8], uint256, address, bytes32, DynArray[uint256, 1]
):
    return (0x0f, wallet_consent.NAME, wallet_consent.VERSION, chain.id, self, empty(bytes32), [])


# ---------------------------------------------------------------------------
# ERC-721
# ---------------------------------------------------------------------------


@external
@reentrant
def transferFrom(sender: address, to: address, tokenId: uint256):
    """
    @notice Moves an agent; its wallet is unset. A contract is not asked whether
            it can have one: `safeTransferFrom` does.
    @param sender Who has it.
    @param to Who gets it; not zero.
    @param tokenId The agent; the caller is its owner, operator or approved.
    """
    self._move(sender, to, tokenId)


@external
@reentrant
def safeTransferFrom(sender: address, to: address, tokenId: uint256, data: Bytes[1024] = b""):
    """
    @notice Moves an agent; its wallet is unset. A contract must take it.
    @param sender Who has it.
    @param to Who gets it; not zero.
    @param tokenId The agent; the caller is its owner, operator or approved.
    @param data What the receiver is told.
    """
    self._move(sender, to, tokenId)
    agent_tokens._ask_receiver(sender, to, tokenId, data)


@external
@view
@reentrant
def tokenURI(tokenId: uint256) -> String[8192]:
    """
    @notice Where an agent's registration file is.
    @param tokenId The agent; reverts if it does not exist.
    @return String[8192] The URI; may be empty.
    """
    agent_tokens._owner_of(tokenId)
    return convert(kept_bytes._kept(convert(tokenId, bytes32)), String[8192])


@external
@pure
@reentrant
def name() -> String[16]:
    """
    @notice The name of the collection.
    @return String[16] "AgentIdentity".
    """
    return "AgentIdentity"


@external
@pure
@reentrant
def symbol() -> String[8]:
    """
    @notice The symbol of the collection.
    @return String[8] "AGENT".
    """
    return "AGENT"


@external
@pure
@reentrant
def supportsInterface(interfaceId: bytes4) -> bool:
    """
    @notice Whether this is what ERC-165 calls an interface.
    @param interfaceId Its identifier.
    @return bool True for ERC-165, ERC-721, its metadata, and ERC-4906.
    """
    return interfaceId in _INTERFACES


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _check_writer(agent_id: uint256):
    """
    @dev Refuses who may not act for an agent.
    @param agent_id The agent; refused too if it does not exist.
    """
    assert agent_tokens._may_act(msg.sender, agent_id), "Not authorized"


@internal
def _move(sender: address, to: address, agent_id: uint256):
    """
    @dev Moves an agent; its wallet goes with the note, and that is told.
    @param sender Who has it.
    @param to Who gets it.
    @param agent_id The agent.
    """
    had_wallet: bool = agent_tokens._note(agent_id) != _NO_WALLET
    agent_tokens._move(sender, to, agent_id)
    if had_wallet:
        self._tell_wallet(agent_id, empty(address))


@internal
def _keep(agent_id: uint256, key: String[64], content: Bytes[1024]):
    """
    @dev Keeps a value and tells of it.
    @param agent_id The agent.
    @param key Its name, not reserved.
    @param content The value.
    """
    assert key != _WALLET_KEY, "reserved key"
    slot: bytes32 = self._slot(agent_id, key)
    if len(content) <= kept_bytes.IN_WORDS:
        kept_bytes._keep(slot, convert(content, Bytes[96]))
    else:
        kept_bytes._keep_code(
            slot,
            raw_create(
                concat(
                    kept_bytes.PUSH2,
                    kept_bytes._code_bytes(len(content)),
                    kept_bytes.CODE,
                    content,
                )
            ),
        )
    log IIdentityRegistry.MetadataSet(
        agentId=agent_id, indexedMetadataKey=key, metadataKey=key, metadataValue=content
    )


@internal
@pure
def _slot(agent_id: uint256, key: String[64]) -> bytes32:
    """
    @dev Under what a value is kept; the URI is under the agent's own number, which
         is no hash.
    @param agent_id The agent.
    @param key Its name.
    @return bytes32 The key for `kept_bytes`.
    """
    return keccak256(abi_encode(agent_id, keccak256(key)))


@internal
@view
def _wallet(agent_id: uint256) -> address:
    """
    @dev The wallet that the note leads to.
    @param agent_id The agent; may not exist.
    @return address The wallet; zero if there is none.
    """
    note: uint256 = agent_tokens._note(agent_id)
    if note == _OWNER_IS_WALLET:
        return agent_tokens._owner_of(agent_id)
    if note == _WALLET_IS_KEPT:
        return self._wallets[agent_id]
    return empty(address)


@internal
@pure
def _wallet_bytes(wallet: address) -> Bytes[20]:
    """
    @dev A wallet as metadata.
    @param wallet The wallet.
    @return Bytes[20] Its bytes; empty for the zero address.
    """
    if wallet == empty(address):
        return b""
    return slice(convert(convert(wallet, bytes20), bytes32), 0, 20)


@internal
def _tell_wallet(agent_id: uint256, wallet: address):
    """
    @dev Tells of an agent's wallet as of metadata.
    @param agent_id The agent.
    @param wallet The wallet; zero for none.
    """
    log IIdentityRegistry.MetadataSet(
        agentId=agent_id,
        indexedMetadataKey=_WALLET_KEY,
        metadataKey=_WALLET_KEY,
        metadataValue=self._wallet_bytes(wallet),
    )
