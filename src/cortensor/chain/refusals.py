# SPDX-License-Identifier: Apache-2.0
"""What the refusal of a batch means: for it or for all of a router's, for a while or for good.

The words are the contracts' own, as `abi/errors.json` collects them.
"""

from __future__ import annotations

EXCEEDS_BOND = "router: pending exceeds bond"
IN_THE_FUTURE = "quota: work in the future"

# No batch of the router passes while one of these holds, so none needs to be put off for it.
OF_ALL = (
    "payment: settlement paused",
    "router: caller is not settler",
    "anchor: caller not authorised",
)
# Bytes that are refused for one of these are refused for ever.
FOR_GOOD = (
    "payment: other router's session",
    "quota: other router's account",
    "anchor: zero root",
    "anchor: empty batch",
    "anchor: count exceeds uint64",
)
# These pass: by time, by a release, by what the operator does about a bond; and anyone may adopt a
# card that is in effect.
PASSING = (EXCEEDS_BOND, IN_THE_FUTURE, "payment: unknown card")

# A refusal that is none of these may be a fault of the batch or of the world around it. About a day
# of tries says which; a transaction that reverts after its estimate passed costs a fee each time.
TRIES = 13
REVERTS = 3


def own_words(reason: str) -> str:
    """Return a refusal as the contract put it, without what was being done."""
    return reason.removeprefix("estimate: ").removeprefix("call: ")


def is_of_all(reason: str) -> bool:
    """Return whether a reason holds for every batch of the router."""
    return any(words in reason for words in OF_ALL)


def last_try(reason: str) -> int | None:
    """Return after which try a batch with this reason is parked; None for never."""
    if any(words in reason for words in FOR_GOOD):
        return 1
    return None if any(words in reason for words in PASSING) else TRIES
