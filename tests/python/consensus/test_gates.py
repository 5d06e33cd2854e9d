# SPDX-License-Identifier: Apache-2.0
"""Gates in front of likeness: pairs that every measure of likeness takes for one answer."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus.equivalence import overlap
from cortensor.consensus.gates import agree, claims, same_order


@pytest.mark.parametrize(
    ("left", "right"),
    [
        # numbers
        ("the total is 19.50 EUR", "the total is 195.0 EUR"),
        ("it rose by 5", "it rose by -5"),
        # negation
        ("the claim is valid", "the claim is not valid"),
        ("it isn\u2019t so", "it is so"),
        # enums
        ("the request was approved", "the request was rejected"),
        ("the risk is high", "the risk is low"),
        ("yes, it is", "it is"),
        ("status: RETRY", "status: NEEDS_SPEC"),
        ("prices rose after the vote", "prices fell after the vote"),
        ("The parcel arrived on Monday.", "The parcel arrived on Tuesday."),
        ("It takes two hours", "It takes three hours"),
        ("All tests pass", "Some tests pass"),
        ("The team won the match", "The team lost the match"),
        ("The patient is alive", "The patient is dead"),
        ("Delete the file", "Create the file"),
        ("Paris", "Lyon"),
        # opposites and other languages
        ("The contract is legal", "The contract is illegal"),
        ("He agrees with the plan", "He disagrees with the plan"),
        ("The invoice is paid", "The invoice is unpaid"),
        ("It lacks a key", "It has a key"),
        ("Es ist g\u00fcltig", "Es ist nicht g\u00fcltig"),
        ("Le contrat est valide", "Le contrat n'est pas valide"),
        ("El contrato tiene fecha", "El contrato nunca tiene fecha"),
        ("Il contratto vale", "Il contratto non vale"),
        # money and symbols
        ("It costs 5 EUR", "It costs 5 USD"),
        ("x > 5", "x < 5"),
        ("take a + b of it", "take a / b of it"),
        # other entities
        ("Alice paid Bob", "Alice paid Carol"),
        ("We use HTTP there", "We use HTTPS there"),
        # order of entities
        ("Alice paid Bob", "Bob paid Alice"),
        ("Yesterday Alice paid Bob.", "Yesterday Bob paid Alice."),
        ("Alice met Bob. Alice paid Bob.", "Alice met Bob. Bob paid Alice."),
        ("In 2020 Rome beat Turin", "In 2020 Turin beat Rome"),
        ("A costs 3 and B costs 5", "A costs 5 and B costs 3"),
        ("from 1999 to 2001", "from 2001 to 1999"),
        ("ship 1,000.0 to Oslo, 20 to Bergen", "ship 20 to Oslo, 1000 to Bergen"),
    ],
)
def test_other_answers_are_refused(left: str, right: str) -> None:
    assert not agree(claims(left), claims(right))
    assert not agree(claims(right), claims(left))
    assert not overlap(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The invoice was paid on time.", "On time the invoice was paid."),
        ("Alice paid Bob", "Alice has paid Bob"),
        ("Alice paid Bob 5 EUR", "alice paid bob 5.00 eur"),
        ("Yes, Paris is the capital.", "Paris is the capital, yes."),
        ("Alice paid Bob, said Carol", "Alice paid Bob"),
        ("ALICE PAID BOB", "ALICE PAID BOB"),
        ("It never said no", "It said so"),
        ("Oslo got 1,000", "Oslo got 1000.0"),
    ],
)
def test_one_answer_in_other_words_passes(left: str, right: str) -> None:
    assert agree(claims(left), claims(right))
    assert agree(claims(right), claims(left))


def test_the_first_word_of_a_sentence_is_a_name_if_it_is_one_elsewhere() -> None:
    assert claims("Alice paid Bob. Then it rained. It snowed").names == {"bob"}
    assert not same_order(claims("Alice paid Bob"), claims("Bob paid Alice"))


def test_known_blind_spots() -> None:
    # Documented: a passive is refused; names that begin a sentence or lack capitals are not seen.
    assert agree(claims("Paris is the capital."), claims("Lyon is the capital."))
    assert not agree(claims("Alice paid Bob"), claims("Bob was paid by Alice"))
    assert agree(claims("alice paid bob"), claims("bob paid alice"))


def test_enums_can_be_the_callers_own() -> None:
    sizes = frozenset({"small", "large"})
    assert agree(claims("a small one"), claims("a large one"))
    assert not agree(claims("a small one", sizes), claims("a large one", sizes))


@given(st.text(max_size=80), st.text(max_size=80))
def test_gates_are_reflexive_and_symmetric(left: str, right: str) -> None:
    a, b = claims(left), claims(right)
    assert agree(a, a)
    assert agree(a, b) == agree(b, a)


def test_long_texts_take_linear_time() -> None:
    def seconds(size: int) -> float:
        text = "Alice paid 5 to Bob. " * size
        taken = []
        for _ in range(3):
            start = perf_counter()
            agree(claims(text), claims(text))
            taken.append(perf_counter() - start)
        return min(taken)

    assert seconds(8_000) < 40 * max(seconds(800), 0.001)
