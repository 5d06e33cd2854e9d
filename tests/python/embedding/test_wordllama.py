# SPDX-License-Identifier: Apache-2.0
"""WordLlama on the pairs that embeddings get wrong: what it says, and which gate refuses them."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors import safe_open
from tokenizers import Tokenizer

from cortensor.consensus import Embedding, TextModel, cosine_bps
from cortensor.consensus.likeness import compare
from cortensor.embedding import load_model, model_for
from cortensor.embedding.wordllama import TOKENIZER, WEIGHTS, _folder
from cortensor.errors import Unavailable

LIMIT_BPS = 7_500
"""What Proof of Inference's distance of .25 leaves."""


@pytest.fixture(scope="module")
def model() -> TextModel:
    return load_model()


@pytest.mark.parametrize(
    ("left", "right", "bps", "gate"),
    [
        # Other answers. All but four of them are close enough to count as one without a gate.
        ("The claim is valid.", "The claim is not valid.", 9_406, "negation"),
        ("valid", "not valid", 8_849, "negation"),
        ("The total is 19.50 EUR", "The total is 195.0 EUR", 10_000, "numbers"),
        ("Alice paid Bob", "Bob paid Alice", 10_000, "order"),
        ("founded in 1999", "founded in 2001", 6_948, "numbers"),
        ("The company was founded in 1999", "The company was founded in 2001", 8_284, "numbers"),
        ("It costs 5 EUR.", "It costs 5 USD.", 4_572, "money"),
        ("The request was approved.", "The request was rejected.", 5_534, "enums"),
        ("The risk is high", "The risk is low", 6_256, "enums"),
        ("SELLER_VALID", "SELLER_INVALID", 9_132, "enums"),
        ('{"total": 19.5}', '{"total": 195}', 9_943, "structure"),
        # One answer in other words.
        (
            "The server is down because the disk is full.",
            "The disk is full, so the server is down.",
            9_867,
            None,
        ),
        ("a man is playing a guitar", "a person plays the guitar", 8_221, None),
        # One answer that is refused all the same: what the gates and the distance cost.
        ("Paris is the capital of France.", "The capital of France is Paris.", 9_964, "order"),
        ("The parcel arrived on Monday.", "On Monday the package came.", 5_293, None),
    ],
)
def test_likeness_and_gates(
    model: TextModel, left: str, right: str, bps: int, gate: str | None
) -> None:
    found = compare([(0, left), (1, right)], Embedding(model))
    (pair,) = found.pairs
    assert (pair.similarity_bps, pair.gate) == (bps, gate)
    assert len(found.groups()) == (1 if gate is None and bps >= LIMIT_BPS else 2)


def test_a_vector_is_the_exact_sum_of_its_tokens_rows(model: TextModel) -> None:
    folder, text = _folder(), "the cat and the other cat \u00e9 \U0001f600"
    with safe_open(folder / WEIGHTS, "np") as file:
        rows = file.get_tensor("embedding.weight")
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert len(set(ids)) < len(ids)  # a repeated token counts twice
    exact = [sum(int(float(rows[i][column]) * 2**24) for i in ids) for column in range(256)]
    assert list(model.vector(text)) == exact
    # The published rule, the mean to unit length, has the same direction.
    mean = rows[ids].astype(np.float32).mean(axis=0)
    ours = np.array(exact, dtype=np.float64)
    cosine = mean @ ours / (np.linalg.norm(mean) * np.linalg.norm(ours))
    assert cosine == pytest.approx(1, abs=1e-6)


def test_a_text_without_tokens_has_no_direction(model: TextModel) -> None:
    assert not any(model.vector(""))
    assert cosine_bps(model.vector(""), model.vector("a")) == 0


def test_it_is_the_model_that_receipts_name(model: TextModel) -> None:
    again = model_for("wordllama/l2_supercat_256")
    assert again is not None
    assert (again.name, again.digest) == (model.name, model.digest)
    assert model.digest == (
        "sha256:461d9f720e7921acac477ddb9ad8cb0902a99cb848eb9a521fdee2dbe07eb4b0"
    )


@pytest.mark.parametrize(
    "name", ["wordllama/other", "minilm/all-MiniLM-L6-v2", "gpt", "", "wordllama", "os/path"]
)
def test_a_model_that_is_not_here_is_none(name: str) -> None:
    assert model_for(name) is None


def test_a_wheel_without_its_files_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortensor.embedding.wordllama.WEIGHTS", "weights/none.safetensors")
    with pytest.raises(Unavailable, match="wordllama cannot be read") as caught:
        load_model()
    assert caught.value.code == "embedding_unavailable"
