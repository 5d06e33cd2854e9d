# SPDX-License-Identifier: Apache-2.0
"""Opcodes by number: their names, and which of them a gas profile looks at. Up to Cancun."""

from __future__ import annotations

STOP, KECCAK256, BALANCE = 0x00, 0x20, 0x31
EXTCODESIZE, EXTCODECOPY, EXTCODEHASH = 0x3B, 0x3C, 0x3F
SLOAD, SSTORE, LOG0, LOG4 = 0x54, 0x55, 0xA0, 0xA4
CREATE, CALL, CALLCODE, RETURN, DELEGATECALL = 0xF0, 0xF1, 0xF2, 0xF3, 0xF4
CREATE2, STATICCALL, REVERT, INVALID, SELFDESTRUCT = 0xF5, 0xFA, 0xFD, 0xFE, 0xFF

LOGS = frozenset(range(LOG0, LOG4 + 1))
ACCOUNT_READS = frozenset((BALANCE, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH))
CREATES = frozenset((CREATE, CREATE2))
CALLS = frozenset((CALL, CALLCODE, DELEGATECALL, STATICCALL))
PAYING_CALLS = frozenset((CALL, CALLCODE))
ENDS = frozenset((STOP, RETURN, REVERT, INVALID, SELFDESTRUCT))

_BLOCKS = {
    0x00: "STOP ADD MUL SUB DIV SDIV MOD SMOD ADDMOD MULMOD EXP SIGNEXTEND",
    0x10: "LT GT SLT SGT EQ ISZERO AND OR XOR NOT BYTE SHL SHR SAR",
    0x20: "KECCAK256",
    0x30: "ADDRESS BALANCE ORIGIN CALLER CALLVALUE CALLDATALOAD CALLDATASIZE CALLDATACOPY CODESIZE "
    "CODECOPY GASPRICE EXTCODESIZE EXTCODECOPY RETURNDATASIZE RETURNDATACOPY EXTCODEHASH",
    0x40: "BLOCKHASH COINBASE TIMESTAMP NUMBER PREVRANDAO GASLIMIT CHAINID SELFBALANCE BASEFEE "
    "BLOBHASH BLOBBASEFEE",
    0x50: "POP MLOAD MSTORE MSTORE8 SLOAD SSTORE JUMP JUMPI PC MSIZE GAS JUMPDEST TLOAD TSTORE "
    "MCOPY " + " ".join(f"PUSH{count}" for count in range(33)),
    0x80: " ".join(f"DUP{count}" for count in range(1, 17)),
    0x90: " ".join(f"SWAP{count}" for count in range(1, 17)),
    0xA0: " ".join(f"LOG{count}" for count in range(5)),
    0xF0: "CREATE CALL CALLCODE RETURN DELEGATECALL CREATE2",
    0xFA: "STATICCALL",
    0xFD: "REVERT INVALID SELFDESTRUCT",
}
_NAMES = {
    first + place: name
    for first, names in _BLOCKS.items()
    for place, name in enumerate(names.split())
}
NUMBERS = {name: number for number, name in _NAMES.items()}
"""Name -> number."""


def name_of(number: int) -> str:
    """Return an opcode's name; its number in hex if it has none."""
    return _NAMES.get(number, f"0x{number:02x}")
