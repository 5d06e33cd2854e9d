# SPDX-License-Identifier: Apache-2.0
"""API keys that were just looked up: a key that is used often is not read from the store each time.

A key that another process revoked may be let in for `KNOWN_S` seconds more, to read. It pays for
nothing meanwhile: a reservation looks at the key in its own transaction.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from cortensor.store.calls import IN_THREADS

if TYPE_CHECKING:
    from cortensor.router.ports import Clock, KeysPort
    from cortensor.store.api_keys import KeyRecord
    from cortensor.store.calls import Calls

KNOWN_S = 2.0
KEYS = 4096


class KnownKeys:
    """Finds API keys, a bounded number of them without the store; what is unknown is asked anew.

    Args:
        keys: the store's.
        clock: monotonic time.
        calls: how the store is called.
    """

    def __init__(self, keys: KeysPort, clock: Clock, calls: Calls = IN_THREADS) -> None:
        self._calls = calls
        self._keys = keys
        self._clock = clock
        self._known: OrderedDict[str, tuple[KeyRecord, float]] = OrderedDict()
        self._forgotten = 0

    async def find(self, key_hash: str) -> KeyRecord | None:
        """Return a key as it was at most `KNOWN_S` ago. Raises Unavailable."""
        now = self._clock.monotonic()
        known = self._known.get(key_hash)
        if known is not None and now - known[1] < KNOWN_S:
            return known[0]
        forgotten = self._forgotten
        key = await self._calls.read(self._keys.find, key_hash)
        if key is None or key.revoked_at is not None:
            self._known.pop(key_hash, None)
        elif forgotten == self._forgotten:  # else it may have been read before it was revoked
            self._known[key_hash] = (key, now)
            self._known.move_to_end(key_hash)
            if len(self._known) > KEYS:
                self._known.popitem(last=False)
        return key

    def forget(self, key_hash: str) -> None:
        """Ask the store for a key the next time; it was changed."""
        self._forgotten += 1
        self._known.pop(key_hash, None)
