# SPDX-License-Identifier: Apache-2.0
"""What identifies a model's files in a receipt."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def digest_of(*files: Path) -> str:
    """Return "sha256:" and the hash over the SHA-256 of each file, in this order."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{whole.hexdigest()}"
