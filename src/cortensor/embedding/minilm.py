# SPDX-License-Identifier: Apache-2.0
"""MiniLM (all-MiniLM-L6-v2): the model that the network's Proof of Inference names, in numpy.

A BERT encoder with exact GELU, the mean over its tokens, to unit length. It runs in double
precision and its directions are rounded to 2^-20, so that machines which add in another order still
agree to a basis point. It reads 128 tokens at a time; a longer text is the sum of its windows, so
that no part of an answer goes unread.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from cortensor.embedding.files import digest_of, tensors_in, tokenizer_in

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NAME = "minilm/all-MiniLM-L6-v2"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
WINDOW = 126
"""Tokens of a text read at a time; with [CLS] and [SEP] the 128 that the model was trained on."""
HEAD = 32
EPSILON = 1e-12
SCALE_BITS = 20
SLACK_BPS = 1


class MiniLM:
    """The model; 150 MB in memory.

    Args:
        path: a folder with model.safetensors and tokenizer.json, or a zip file of them.

    Raises:
        OSError: a file is missing or cannot be read.
        KeyError: the weights are those of another model.
        ValueError: the files are no such model.
    """

    name = NAME
    slack_bps = SLACK_BPS

    def __init__(self, path: Path) -> None:
        weights, tokenizer = _read(path)
        self.digest = digest_of(weights, tokenizer)
        self._tokenizer = tokenizer_in(tokenizer)
        tensors = {name.removeprefix("bert."): value for name, value in tensors_in(weights).items()}
        # The rows of 30,000 words are only picked from: they stay as they are.
        self._words = tensors.pop("embeddings.word_embeddings.weight")
        self._of = {
            name: value.astype(np.float64)
            for name, value in tensors.items()
            if value.dtype.kind == "f"
        }
        self._layers = len({name.split(".")[2] for name in self._of if "encoder.layer" in name})
        self._heads = self._words.shape[1] // HEAD

    def vector(self, text: str) -> list[int]:
        """Return a text's direction, times 2^20; zeros for an empty text."""
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        total = np.zeros(self._words.shape[1])
        for start in range(0, len(ids), WINDOW):
            window = ids[start : start + WINDOW]
            total += len(window) / len(ids) * self._encode(window)
        return [int(value) for value in np.rint(np.ldexp(total, SCALE_BITS))]

    def _encode(self, ids: list[int]) -> Array:
        first, last = (self._tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
        rows = self._words[[first, *ids, last]].astype(np.float64)
        rows += self._of["embeddings.position_embeddings.weight"][: len(rows)]
        rows += self._of["embeddings.token_type_embeddings.weight"][0]
        state = self._norm(rows, "embeddings.LayerNorm")
        for layer in range(self._layers):
            state = self._layer(state, f"encoder.layer.{layer}")
        mean = state.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float64)

    def _layer(self, state: Array, name: str) -> Array:
        attended = self._attend(state, f"{name}.attention.self")
        attended = self._linear(attended, f"{name}.attention.output.dense")
        state = self._norm(state + attended, f"{name}.attention.output.LayerNorm")
        wide = _gelu(self._linear(state, f"{name}.intermediate.dense"))
        narrow = self._linear(wide, f"{name}.output.dense")
        return self._norm(state + narrow, f"{name}.output.LayerNorm")

    def _attend(self, state: Array, name: str) -> Array:
        query, key, value = (
            self._linear(state, f"{name}.{part}").reshape(len(state), self._heads, HEAD)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(HEAD)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return np.asarray(np.einsum("hqk,khd->qhd", shares, value).reshape(len(state), -1))

    def _linear(self, state: Array, name: str) -> Array:
        return np.asarray(state @ self._of[f"{name}.weight"].T + self._of[f"{name}.bias"])

    def _norm(self, state: Array, name: str) -> Array:
        centred = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        scaled = centred / spread * self._of[f"{name}.weight"] + self._of[f"{name}.bias"]
        return np.asarray(scaled)


def _gelu(state: Array) -> Array:
    return np.asarray(0.5 * state * (1 + _erf(state / np.sqrt(2))))


def _erf(state: Array) -> Array:
    """Return the error function, to 1.5e-7 (Abramowitz and Stegun 7.1.26)."""
    size = np.abs(state)
    t = 1 / (1 + 0.3275911 * size)
    series = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    return np.asarray(np.sign(state) * (1 - series * np.exp(-(size**2))))


def _read(path: Path) -> tuple[bytes, bytes]:
    if path.is_dir():
        return (path / WEIGHTS).read_bytes(), (path / TOKENIZER).read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(WEIGHTS), archive.read(TOKENIZER)
