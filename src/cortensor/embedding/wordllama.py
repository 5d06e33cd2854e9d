# SPDX-License-Identifier: Apache-2.0
"""WordLlama: a text's direction is the sum of its tokens' rows, from two files in its wheel.

The rows are 16-bit floats, so times 2^24 they are integers and a sum of them is exact: the vector,
and every cosine of it, is the same on every machine. The package itself is not imported: its own
loader looks in another folder and then tries a download.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from cortensor.embedding.files import digest_of, tensors_in, tokenizer_in

NAME = "wordllama/l2_supercat_256"
WEIGHTS = Path("weights", "l2_supercat_256.safetensors")
TOKENIZER = Path("tokenizers", "l2_supercat_tokenizer_config.json")
SCALE_BITS = 24
"""The smallest 16-bit float is 2^-24."""


class WordLlama:
    """The model; 16 MB of rows, a tenth of a millisecond for a sentence.

    Raises:
        ModuleNotFoundError: the package is not installed.
        OSError: it lacks a file.
        ValueError: the rows are not finite 16-bit floats.
    """

    name = NAME
    slack_bps = 0

    def __init__(self) -> None:
        folder = _folder()
        weights, tokenizer = (folder / WEIGHTS).read_bytes(), (folder / TOKENIZER).read_bytes()
        rows = tensors_in(weights)["embedding.weight"]
        if rows.dtype != np.float16 or not np.isfinite(rows).all():
            raise ValueError("the rows are not finite 16-bit floats")
        self._rows = rows
        self._tokenizer = tokenizer_in(tokenizer)
        self.digest = digest_of(weights, tokenizer)

    def vector(self, text: str) -> list[int]:
        """Return the sum of the rows of a text's tokens, times 2^24; zeros for an empty text."""
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        counts = np.bincount(ids, minlength=1) if ids else np.zeros(1, dtype=np.int64)
        (used,) = np.nonzero(counts)
        rows = np.ldexp(self._rows[used].astype(np.float64), SCALE_BITS).astype(np.int64)
        return [int(value) for value in counts[used] @ rows]


def _folder() -> Path:
    found = importlib.util.find_spec("wordllama")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("No module named 'wordllama'", name="wordllama")
    return Path(found.origin).parent
