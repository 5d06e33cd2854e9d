# SPDX-License-Identifier: Apache-2.0
"""A model's files: weights, tokenizer, and the digest that names both in a receipt."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.numpy import load
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray


def digest_of(*files: bytes) -> str:
    """Return "sha256:" and the hash over the SHA-256 of each file's content, in this order."""
    parts = b"".join(hashlib.sha256(content).digest() for content in files)
    return f"sha256:{hashlib.sha256(parts).hexdigest()}"


def tensors_in(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the tensors of a safetensors file by name. Raises ValueError."""
    try:
        return load(content)
    except SafetensorError as error:
        raise ValueError(f"the weights are no safetensors: {error}") from error


def tokenizer_in(content: bytes) -> Any:
    """Return the tokenizer of a tokenizer.json, which reads whole texts. Raises ValueError."""
    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises nothing more specific
        raise ValueError(f"the tokenizer cannot be read: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
