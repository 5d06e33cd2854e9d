# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Wrapped COR
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice COR as an ERC-20 where it is the gas coin: one token for each coin held
        here, with permit (EIP-2612) and transfers by signature (EIP-3009), so
        that a session is opened in one transaction there too.
@dev    Coin sent without `deposit` is refused: a sender that cannot move tokens
        would lose it, and a fallback makes calls of functions that are not
        there succeed. snekmate's ERC-20 is not used: it imports EIP-712 code
        outside ASCII (CVE-2026-114114). Only what moves coin takes the lock;
        the rest calls nobody, and all is written before coin is sent.
@custom:security No owner, no mint, no pause, no upgrade. Coin leaves only to
                 whom the holder of the burnt tokens names.
@custom:kill Nothing to switch off: a holder leaves by `withdraw`, which nobody
             can stop.
@custom:invariants
        INV-W1 The coin held is at least the supply; equal to it unless coin was
        forced in.
        INV-W2 The supply is the sum of all balances.
        INV-W3 An authorization moves money at most once, only after its first
        and before its last second, never after it was cancelled; one to receive
        only when the payee sends it.
        INV-W4 The supply fits 96 bits, which is what the escrow's words hold.
"""

from contracts.interfaces import IAuthorizations
from contracts.interfaces import IWrappedCOR
from contracts.modules import authorizations
from ethereum.ercs import IERC20

implements: IERC20
implements: IAuthorizations
implements: IWrappedCOR
initializes: authorizations

exports: (
    authorizations.authorizationState,
    authorizations.cancelAuthorization,
)

_NAME: constant(String[32]) = "Wrapped Cortensor"
_MAX_SUPPLY: constant(uint256) = 2**96 - 1
_PERMIT_TYPE: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)

totalSupply: public(reentrant(uint256))
balanceOf: public(reentrant(HashMap[address, uint256]))
allowance: public(reentrant(HashMap[address, HashMap[address, uint256]]))
nonces: public(reentrant(HashMap[address, uint256]))


@deploy
def __init__():
    authorizations.__init__(_NAME)


# ---------------------------------------------------------------------------
# Coin in and out
# ---------------------------------------------------------------------------


@external
@payable
def deposit():
    self._wrap(msg.sender)


@external
@payable
def deposit_to(to: address):
    self._check_receiver(to)
    self._wrap(to)


@external
def withdraw(amount: uint256):
    self._unwrap(msg.sender, amount)


@external
def withdraw_to(to: address, amount: uint256):
    self._check_receiver(to)
    self._unwrap(to, amount)


# ---------------------------------------------------------------------------
# ERC-20
# ---------------------------------------------------------------------------


@external
@reentrant
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Pays from the sender.
    @param to Whom; not zero, not the token.
    @param amount Wei of COR.
    @return bool True.
    """
    self._transfer(msg.sender, to, amount)
    return True


@external
@reentrant
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Takes from an owner who allowed it.
    @param owner Who pays.
    @param to Whom; not zero, not the token.
    @param amount Wei of COR; lowers an allowance that has a limit.
    @return bool True.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= amount, "wcor: allowance too low"
        # Cannot underflow: just compared.
        self._approve(owner, msg.sender, unsafe_sub(allowed, amount))
    self._transfer(owner, to, amount)
    return True


@external
@reentrant
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Sets how much a spender may take from the sender.
    @param spender Who may take; not zero.
    @param amount Wei of COR; the largest number means no limit.
    @return bool True.
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
@pure
def name() -> String[32]:
    """
    @notice The token's name, also that of its signing domain.
    @return String[32] The name.
    """
    return _NAME


@external
@pure
def symbol() -> String[32]:
    """
    @notice The token's symbol.
    @return String[32] The symbol.
    """
    return "WCOR"


@external
@pure
def decimals() -> uint8:
    """
    @notice The token's decimals, as the coin's.
    @return uint8 18.
    """
    return 18


# ---------------------------------------------------------------------------
# By signature
# ---------------------------------------------------------------------------


@external
@reentrant
def permit(
    owner: address,
    spender: address,
    amount: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    assert block.timestamp <= deadline, "wcor: permit expired"
    nonce: uint256 = self.nonces[owner]
    # Cannot overflow: it grows by one a permit.
    self.nonces[owner] = unsafe_add(nonce, 1)
    struct_hash: bytes32 = keccak256(
        abi_encode(_PERMIT_TYPE, owner, spender, amount, nonce, deadline)
    )
    assert authorizations._signer(struct_hash, v, r, s) == owner, "wcor: wrong signer"
    self._approve(owner, spender, amount)


@external
@reentrant
def transferWithAuthorization(
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    authorizations._use(
        authorizations.TRANSFER_TYPE, owner, to, amount, valid_after, valid_before, nonce, v, r, s
    )
    self._transfer(owner, to, amount)


@external
@reentrant
def receiveWithAuthorization(
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    authorizations._use(
        authorizations.RECEIVE_TYPE, owner, to, amount, valid_after, valid_before, nonce, v, r, s
    )
    self._transfer(owner, to, amount)


@external
@view
@reentrant
def DOMAIN_SEPARATOR() -> bytes32:
    return authorizations._domain()


@external
@view
@reentrant
def eip712Domain() -> (
    bytes1, String[32], String[32], uint256, address, bytes32, DynArray[uint256, 1]
):
    return (0x0f, _NAME, "1", chain.id, self, empty(bytes32), [])


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _check_receiver(to: address):
    """
    @dev Refuses who could never move what it gets.
    @param to The receiver.
    """
    assert to != empty(address), "wcor: zero receiver"
    assert to != self, "wcor: receiver is the token"


@internal
def _transfer(owner: address, to: address, amount: uint256):
    """
    @dev Moves tokens.
    @param owner Who pays.
    @param to Whom.
    @param amount Wei of COR.
    """
    assert owner != empty(address), "wcor: zero owner"
    self._check_receiver(to)
    held: uint256 = self.balanceOf[owner]
    assert held >= amount, "wcor: balance too low"
    # Cannot underflow: just compared. Cannot overflow: no balance exceeds the supply (INV-W2).
    self.balanceOf[owner] = unsafe_sub(held, amount)
    self.balanceOf[to] = unsafe_add(self.balanceOf[to], amount)
    log IERC20.Transfer(sender=owner, receiver=to, value=amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    """
    @dev Sets an allowance.
    @param owner Whose tokens.
    @param spender Who may take.
    @param amount Wei of COR; the largest number means no limit.
    """
    assert spender != empty(address), "wcor: zero spender"
    self.allowance[owner][spender] = amount
    log IERC20.Approval(owner=owner, spender=spender, value=amount)


@internal
@payable
def _wrap(to: address):
    """
    @dev Makes tokens for the coin sent along.
    @param to Who gets them.
    """
    amount: uint256 = msg.value
    assert amount != 0, "wcor: zero amount"
    supply: uint256 = self.totalSupply + amount
    assert supply <= _MAX_SUPPLY, "wcor: supply exceeds uint96"
    self.totalSupply = supply
    # Cannot overflow: no balance exceeds the supply (INV-W2).
    self.balanceOf[to] = unsafe_add(self.balanceOf[to], amount)
    log IERC20.Transfer(sender=empty(address), receiver=to, value=amount)


@internal
def _unwrap(to: address, amount: uint256):
    """
    @dev Burns the sender's tokens, then sends coin.
    @param to Who gets the coin.
    @param amount Wei of COR.
    """
    assert amount != 0, "wcor: zero amount"
    held: uint256 = self.balanceOf[msg.sender]
    assert held >= amount, "wcor: balance too low"
    # Cannot underflow: just compared; no balance exceeds the supply (INV-W2).
    self.balanceOf[msg.sender] = unsafe_sub(held, amount)
    self.totalSupply = unsafe_sub(self.totalSupply, amount)
    log IERC20.Transfer(sender=msg.sender, receiver=empty(address), value=amount)
    # All is written; the gas is the sender's, and nothing that is returned is copied.
    is_sent: bool = raw_call(to, b"", value=amount, revert_on_failure=False)
    assert is_sent, "wcor: receiver refused coin"
