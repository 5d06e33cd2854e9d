# SPDX-License-Identifier: Apache-2.0
"""Where a receipt stands on its way into the chain, as the API shows it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class AnchorStatus(Struct, frozen=True):
    """Where a receipt stands: waiting, built or sent in a batch, or confirmed on chain.

    `finality` of a confirmed one: `soft` in a block, which may still be reorganised away (the state
    is `sent` again then), `safe`, or `hard` for final; null if it is not known. `block` is it.
    """

    state: Literal["waiting", "built", "sent", "confirmed"]
    root: str | None = None
    index: int | None = None
    cumulative: str | None = None
    tx_hash: str | None = None
    block: int | None = None
    finality: Literal["soft", "safe", "hard"] | None = None
