# SPDX-License-Identifier: Apache-2.0
"""The kinds of fields in a receipt body: each value has one spelling."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from cortensor.receipts.canonical import MAX_SAFE_INTEGER

# `$` also matches before a final newline: ruled out by the maximum where a length is fixed, else by
# the lookahead.
Hex32 = Annotated[str, Meta(pattern="^0x[0-9a-f]{64}$", max_length=66)]
Address = Annotated[str, Meta(pattern="^0x[0-9a-f]{40}$", max_length=42)]
SessionId = Annotated[str, Meta(pattern="^0x[0-9a-f]{40}$", max_length=42)]
TaskId = Annotated[str, Meta(pattern="^0x[0-9a-f]{32}$", max_length=34)]
Word = Annotated[str, Meta(pattern="^0x(0|[1-9a-f][0-9a-f]*)$(?!\\n)", max_length=66)]
IntText = Annotated[str, Meta(pattern="^(0|-?[1-9][0-9]*)$(?!\\n)", max_length=78)]
Wei = Annotated[str, Meta(pattern="^(0|[1-9][0-9]*)$(?!\\n)", max_length=78)]
Uint = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]
SafeInt = Annotated[int, Meta(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
Bps = Annotated[int, Meta(ge=0, le=10_000)]
Uint16 = Annotated[int, Meta(ge=0, le=2**16 - 1)]
Uint32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Index = Annotated[int, Meta(ge=0, le=255)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Range = Annotated[list[IntText], Meta(min_length=2, max_length=2)]
Signature = Annotated[str, Meta(pattern="^0x[0-9a-f]{130}$", max_length=132)]
"""r | s | v of secp256k1; see `sign`."""
Network = Annotated[str, Meta(pattern="^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$", max_length=41)]
"""A chain by CAIP-2, such as eip155:8453."""
