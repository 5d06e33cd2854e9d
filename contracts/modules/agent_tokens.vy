# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title ERC-721 tokens with ids from 0, and a note beside each owner
@custom:contract-name agent_tokens
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Who owns a token, who may act for it, and moving it. Refusals are the
        custom errors of ERC-6093, which clients decode; Vyper 0.4.3 cannot
        declare them, so they are encoded here.
@dev    No lock: the one call out, to a receiver, is the caller's last act. The
        note is 96 bits for the contract that uses this; a transfer clears it.
        snekmate's ERC-721 is not used: it lists tokens, which costs two slots
        each, words its refusals otherwise, and imports EIP-712 code outside
        ASCII (CVE-2026-114114).
"""

from ethereum.ercs import IERC721

_OWNER_MASK: constant(uint256) = 2**160 - 1
_OWNER_BITS: constant(uint256) = 160
_ON_RECEIVED: constant(bytes4) = method_id(
    "onERC721Received(address,address,uint256,bytes)", output_type=bytes4
)

# @dev token -> owner u160 | note u96.
_holdings: HashMap[uint256, uint256]

# @dev owner -> how many tokens it has.
_balances: HashMap[address, uint256]

# @dev token -> who else may move it.
_approvals: HashMap[uint256, address]

# @dev The next token's id.
_next_id: uint256

# @dev owner -> operator -> may it act for all that the owner has.
isApprovedForAll: public(HashMap[address, HashMap[address, bool]])


# ---------------------------------------------------------------------------
# External, exported by the token
# ---------------------------------------------------------------------------


@external
def approve(to: address, tokenId: uint256):
    """
    @notice Lets one account move one token, until it is moved.
    @param to Who; zero for nobody.
    @param tokenId The token; the sender is its owner or an operator.
    """
    owner: address = self._owner_of(tokenId)
    if msg.sender != owner and not self.isApprovedForAll[owner][msg.sender]:
        raw_revert(abi_encode(msg.sender, method_id=method_id("ERC721InvalidApprover(address)")))
    self._approvals[tokenId] = to
    log IERC721.Approval(owner=owner, approved=to, token_id=tokenId)


@external
def setApprovalForAll(operator: address, approved: bool):
    """
    @notice Lets an account act for all that the sender has, or stops it.
    @param operator Who; not zero.
    @param approved Whether it may from now on.
    """
    if operator == empty(address):
        raw_revert(abi_encode(operator, method_id=method_id("ERC721InvalidOperator(address)")))
    self.isApprovedForAll[msg.sender][operator] = approved
    log IERC721.ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@external
@view
def balanceOf(owner: address) -> uint256:
    """
    @notice How many tokens an account has.
    @param owner The account; not zero.
    @return uint256 The count.
    """
    if owner == empty(address):
        raw_revert(abi_encode(owner, method_id=method_id("ERC721InvalidOwner(address)")))
    return self._balances[owner]


@external
@view
def ownerOf(tokenId: uint256) -> address:
    """
    @notice Who has a token.
    @param tokenId The token; reverts if it does not exist.
    @return address Its owner.
    """
    return self._owner_of(tokenId)


@external
@view
def getApproved(tokenId: uint256) -> address:
    """
    @notice Who else may move a token.
    @param tokenId The token; reverts if it does not exist.
    @return address The account; zero for nobody.
    """
    self._owner_of(tokenId)
    return self._approvals[tokenId]


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _owner_of(token_id: uint256) -> address:
    """
    @dev Who has a token; refuses one that does not exist.
    @param token_id The token.
    @return address Its owner.
    """
    owner: address = convert(self._holdings[token_id] & _OWNER_MASK, address)
    if owner == empty(address):
        raw_revert(abi_encode(token_id, method_id=method_id("ERC721NonexistentToken(uint256)")))
    return owner


@internal
@view
def _note(token_id: uint256) -> uint256:
    """
    @dev The note beside a token's owner.
    @param token_id The token.
    @return uint256 96 bits; 0 for a token that does not exist.
    """
    return self._holdings[token_id] >> _OWNER_BITS


@internal
def _write_note(token_id: uint256, note: uint256):
    """
    @dev Replaces the note beside a token's owner.
    @param token_id The token.
    @param note At most 96 bits.
    """
    self._holdings[token_id] = self._holdings[token_id] & _OWNER_MASK | note << _OWNER_BITS


@internal
@view
def _may_act(spender: address, token_id: uint256) -> bool:
    """
    @dev Whether an account may act for a token; refuses one that does not exist.
    @param spender The account.
    @param token_id The token.
    @return bool True for the owner, its operators, and who is approved.
    """
    owner: address = self._owner_of(token_id)
    if spender == owner:
        return True
    if self.isApprovedForAll[owner][spender]:
        return True
    # Nobody is approved where the slot is zero, the zero address neither.
    return spender != empty(address) and self._approvals[token_id] == spender


@internal
def _mint(to: address, note: uint256) -> uint256:
    """
    @dev Makes the next token; whether a contract takes it is asked afterwards.
    @param to Its owner, not zero.
    @param note The note beside it.
    @return uint256 Its id.
    """
    token_id: uint256 = self._next_id
    # Neither can overflow: both grow by one a mint.
    self._next_id = unsafe_add(token_id, 1)
    self._balances[to] = unsafe_add(self._balances[to], 1)
    self._holdings[token_id] = convert(to, uint256) | note << _OWNER_BITS
    log IERC721.Transfer(sender=empty(address), receiver=to, token_id=token_id)
    return token_id


@internal
def _move(sender: address, to: address, token_id: uint256):
    """
    @dev Moves a token for the caller, clears who was approved, and the note.
    @param sender Who has it now.
    @param to Who gets it.
    @param token_id The token.
    """
    if to == empty(address):
        raw_revert(abi_encode(to, method_id=method_id("ERC721InvalidReceiver(address)")))
    owner: address = self._owner_of(token_id)
    if not self._may_act(msg.sender, token_id):
        raw_revert(
            abi_encode(
                msg.sender,
                token_id,
                method_id=method_id("ERC721InsufficientApproval(address,uint256)"),
            )
        )
    if sender != owner:
        raw_revert(
            abi_encode(
                sender,
                token_id,
                owner,
                method_id=method_id("ERC721IncorrectOwner(address,uint256,address)"),
            )
        )
    if self._approvals[token_id] != empty(address):
        self._approvals[token_id] = empty(address)
    # Cannot underflow: the owner has this one. Cannot overflow: the sum is what was minted.
    self._balances[owner] = unsafe_sub(self._balances[owner], 1)
    self._balances[to] = unsafe_add(self._balances[to], 1)
    self._holdings[token_id] = convert(to, uint256)
    log IERC721.Transfer(sender=owner, receiver=to, token_id=token_id)


@internal
def _ask_receiver(sender: address, to: address, token_id: uint256, data: Bytes[1024]):
    """
    @dev Asks a contract that got a token whether it can have one. It may call
         back: nothing may be written after this.
    @param sender Who had it; zero for a new one.
    @param to Who got it.
    @param token_id The token.
    @param data What the caller adds.
    """
    if not to.is_contract:
        return
    is_success: bool = False
    answer: Bytes[1024] = b""
    is_success, answer = raw_call(
        to,
        abi_encode(msg.sender, sender, token_id, data, method_id=_ON_RECEIVED),
        max_outsize=1024,
        revert_on_failure=False,
    )
    if not is_success and len(answer) != 0:
        raw_revert(answer)
    if not is_success or len(answer) < 32 or extract32(answer, 0) != convert(_ON_RECEIVED, bytes32):
        raw_revert(abi_encode(to, method_id=method_id("ERC721InvalidReceiver(address)")))
