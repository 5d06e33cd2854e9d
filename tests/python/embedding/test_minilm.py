# SPDX-License-Identifier: Apache-2.0
"""MiniLM's arithmetic against a slow reference on small weights; the real weights where given."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from cortensor.consensus import cosine_bps
from cortensor.embedding import load_model
from cortensor.errors import Unavailable

REAL = os.environ.get("CORTENSOR_MINILM")
"""A folder or zip of all-MiniLM-L6-v2."""
HIDDEN, WIDE, LAYERS = 64, 96, 2
VOCABULARY = ["[UNK]", "[CLS]", "[SEP]", "alice", "paid", "bob", "never"]


def small_weights() -> dict[str, Any]:
    """Weights of a two-layer encoder with two heads; any numbers do."""
    generator = np.random.default_rng(7)

    def some(*shape: int) -> Any:
        return generator.normal(0, 0.4, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": some(len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": some(128, HIDDEN),
        "embeddings.token_type_embeddings.weight": some(2, HIDDEN),
        "embeddings.position_ids": np.arange(128),
    }
    dense = []
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        dense += [(f"{at}.attention.self.{part}", HIDDEN, HIDDEN) for part in _PARTS]
        dense += [
            (f"{at}.attention.output.dense", HIDDEN, HIDDEN),
            (f"{at}.intermediate.dense", WIDE, HIDDEN),
            (f"{at}.output.dense", HIDDEN, WIDE),
        ]
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    for name, rows, columns in dense:
        weights |= {f"{name}.weight": some(rows, columns), f"{name}.bias": some(rows)}
    for name in norms:
        weights |= {f"{name}.weight": 1 + some(HIDDEN), f"{name}.bias": some(HIDDEN)}
    return weights


_PARTS = ("query", "key", "value")


def tokenizer_text() -> str:
    known = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_truncation(4)  # as the published file does at 128
    return str(tokenizer.to_str())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Published files differ in this prefix.
    named = {f"bert.{name}": value for name, value in small_weights().items()}
    (tmp_path / "model.safetensors").write_bytes(save(named))
    (tmp_path / "tokenizer.json").write_text(tokenizer_text())
    return tmp_path


def reference(ids: list[int]) -> list[float]:
    """The encoder in plain loops, from its definition, with the library's own erf."""
    of = {name: value.astype(float).tolist() for name, value in small_weights().items()}

    def linear(x: list[float], name: str) -> list[float]:
        rows, bias = of[f"{name}.weight"], of[f"{name}.bias"]
        return [
            sum(a * b for a, b in zip(x, row, strict=True)) + shift
            for row, shift in zip(rows, bias, strict=True)
        ]

    def norm(x: list[float], name: str) -> list[float]:
        mean = sum(x) / len(x)
        spread = math.sqrt(sum((a - mean) ** 2 for a in x) / len(x) + 1e-12)
        scale, shift = of[f"{name}.weight"], of[f"{name}.bias"]
        return [(a - mean) / spread * s + b for a, s, b in zip(x, scale, shift, strict=True)]

    def plus(x: list[float], y: list[float]) -> list[float]:
        return [a + b for a, b in zip(x, y, strict=True)]

    words, places = (of[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position"))
    kind = of["embeddings.token_type_embeddings.weight"][0]
    state = [
        norm(plus(plus(words[token], places[place]), kind), "embeddings.LayerNorm")
        for place, token in enumerate(ids)
    ]
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        query, key, value = (
            [linear(x, f"{at}.attention.self.{part}") for x in state] for part in _PARTS
        )
        after = []
        for here, x in enumerate(state):
            joined: list[float] = []
            for head in range(0, HIDDEN, 32):
                span = slice(head, head + 32)
                scores = [
                    math.exp(
                        sum(a * b for a, b in zip(query[here][span], k[span], strict=True))
                        / math.sqrt(32)
                    )
                    for k in key
                ]
                joined += [
                    sum(s * v[column] for s, v in zip(scores, value, strict=True)) / sum(scores)
                    for column in range(head, head + 32)
                ]
            out = linear(joined, f"{at}.attention.output.dense")
            mid = norm(plus(x, out), f"{at}.attention.output.LayerNorm")
            wide = [
                0.5 * a * (1 + math.erf(a / math.sqrt(2)))
                for a in linear(mid, f"{at}.intermediate.dense")
            ]
            after.append(
                norm(plus(mid, linear(wide, f"{at}.output.dense")), f"{at}.output.LayerNorm")
            )
        state = after
    mean = [sum(column) / len(state) for column in zip(*state, strict=True)]
    size = math.hypot(*mean)
    return [a / size for a in mean]


@pytest.mark.parametrize("text", ["alice", "alice paid bob", "bob never paid who"])
def test_it_is_the_encoder_it_says(folder: Path, text: str) -> None:
    model = load_model("minilm", folder)
    ids = [1, *[VOCABULARY.index(w) if w in VOCABULARY else 0 for w in text.split()], 2]
    wanted = reference(ids)
    found = model.vector(text)
    assert len(found) == HIDDEN
    for ours, theirs in zip(found, wanted, strict=True):
        assert abs(ours / 2**20 - theirs) < 5e-6


def test_order_matters_to_it(folder: Path) -> None:
    model = load_model("minilm", folder)
    one, other = model.vector("alice paid bob"), model.vector("bob paid alice")
    assert 0 < cosine_bps(one, other) < 10_000


def test_no_part_of_a_long_text_goes_unread(folder: Path) -> None:
    model = load_model("minilm", folder)
    long = "alice " * 126
    window, tail = np.array(model.vector(long)), np.array(model.vector("bob " * 63))
    both = np.array(model.vector(long + "bob " * 63))
    assert np.abs(both - (window * 2 + tail) / 3).max() <= 1.5  # two thirds of its tokens, one


def test_a_text_without_tokens_has_no_direction(folder: Path) -> None:
    assert not any(load_model("minilm", folder).vector(""))


def test_a_zip_is_as_good_as_a_folder(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("model.safetensors", "tokenizer.json"):
            archive.write(folder / name, name)
    zipped, plain = load_model("minilm", path), load_model("minilm", folder)
    assert zipped.digest == plain.digest
    assert zipped.vector("alice") == plain.vector("alice")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_files_that_are_no_model_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("{}")
    with pytest.raises(Unavailable, match="minilm cannot be read"):
        load_model("minilm", folder)
    (folder / name).unlink()
    with pytest.raises(Unavailable, match="minilm cannot be read"):
        load_model("minilm", folder)


def test_weights_of_another_model_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(save({"a": np.zeros(3)}))
    with pytest.raises(Unavailable, match="minilm cannot be read"):
        load_model("minilm", folder)


@pytest.mark.skipif(REAL is None, reason="CORTENSOR_MINILM names no files of all-MiniLM-L6-v2")
@pytest.mark.parametrize(
    ("left", "right", "bps"),
    [
        ("The claim is valid.", "The claim is not valid.", 8_990),
        ("Alice paid Bob", "Bob paid Alice", 9_930),
        ("The total is 19.50 EUR", "The total is 195.0 EUR", 8_661),
        ("The parcel arrived on Monday.", "The package arrived on Monday.", 8_608),
    ],
)
def test_the_real_weights_give_their_known_cosines(left: str, right: str, bps: int) -> None:
    model = load_model("minilm", Path(REAL or ""))
    assert abs(cosine_bps(model.vector(left), model.vector(right)) - bps) <= model.slack_bps
