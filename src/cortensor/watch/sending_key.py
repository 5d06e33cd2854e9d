# SPDX-License-Identifier: Apache-2.0
"""The key that a command sends from."""

from __future__ import annotations

import os

from cortensor.receipts.sign import address_of


def key_from(variable: str) -> str | None:
    """Return the 0x-hex private key in an environment variable; None if it is unset or empty.

    Raises:
        InvalidInput: it is no key; the message does not repeat it.
    """
    found = os.environ.get(variable)
    if not found:
        return None
    address_of(found)
    return found if found.startswith("0x") else f"0x{found}"
