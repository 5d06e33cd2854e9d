# SPDX-License-Identifier: Apache-2.0
"""Two verifiers, one word: what the JavaScript one says of vectors, mutants, texts and numbers."""

from __future__ import annotations

import json
import random
import re
import subprocess
import unicodedata
from collections import Counter
from typing import Any

from cortensor.consensus import RUNGS, read_score
from cortensor.consensus.equivalence import fold, json_rung
from cortensor.consensus.fixed_point import ln_micro, log_odds_micro, logistic
from cortensor.consensus.grouping import group_answers
from cortensor.consensus.likeness import gate_between, is_same_text
from tests.conformance.generate import SETS, VECTORS
from tests.python.receipts.mutants import mutants, vectors
from tests.python.receipts.node import TESTS, by_javascript, by_python, node, run

MUTANTS = 500
QUESTIONS = 1_200
WORDS = (
    *("Alice", "paid", "Bob", "not", "valid", "invalid", "19.50", "19.5", "EUR", "$", "€"),
    *("1,000", "legal", "illegal", "VALID", "low", "high", "don't", "ΣΑΣ", "σας", "Straße"),
    *(
        "STRASSE",
        "ﬁn",
        "ﬀ",
        "é",
        "e\u0301",
        "İ",
        "\u0131",
        "Ⅷ",
        "²",
        "٣",
        "३.५",
        "-0",
        "+5",
        "0.10",
    ),
    *("007", "<", "≤", "=", "东京", "Москва", "Ꮳ", "ꭰ", "\u00a0", "\u2003", "\u001c", "\ufeff"),
    *("a_b", "no", "Nein", "nicht", ".", "!", ":", "\n", ",", "usd", "5usd", "A1", "a1"),
    *("\U0001d7d8", "\U0001f600", "ǆ", "ǅ", "ᾳ"),
)
JSONS = (
    *('{"a": 1}', '{"a":1.0}', '{"a": 1e0}', '{"b": [1, "X "], "a": null}'),
    *('{"a":null,"b":[1,"x"]}', "[]", "{}", "1", "1.5", "-2.5e3", "0.5", "2.5", "3.5", "1e400"),
    *("1e401", '"x"', "true", "NaN", '```json\n{"a": 2.45}\n```', "```\n7\n```"),
    *('{"a": 1, "a": 1}', "{", "01", '{"a": "1"}', "1e-9", '{"a": 100}', '{"a": 101}'),
    *('{"a": 99.99999}', "[[[[1]]]]", "-0", "-0.0", "1E2", "9" * 401),
)


def plainly(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out where a text stops being JSON: each parser says that in its own words."""
    text = re.sub(r'is not JSON: [^;"]*', "is not JSON", json.dumps(found))
    cut: dict[str, Any] = json.loads(text)
    return cut


def test_it_passes_every_vector() -> None:
    done = subprocess.run(
        [node(), "--test", "--test-reporter=tap", str(TESTS / "vectors.test.js")],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    count = len(list(VECTORS.glob("*.json"))) + len(list(SETS.glob("*.json")))
    assert f"# pass {count}" in done.stdout
    assert "# skipped 0" in done.stdout


def test_both_say_the_same_of_vectors_and_mutants() -> None:
    cases = [(case["name"], case) for case in vectors()] + list(mutants(MUTANTS, seed=20_261_126))
    judged = by_javascript(case for _, case in cases)
    verdicts: Counter[str] = Counter()
    for (name, case), theirs in zip(cases, judged, strict=True):
        ours = by_python(case)
        verdicts[ours["verdict"]] += 1
        if ours.get("reason") == "holds a lone surrogate":
            # Python stops there for the whole file, JavaScript at the first field at fault.
            assert theirs["verdict"] == "malformed", name
            continue
        assert plainly(theirs) == plainly(ours), name
    assert verdicts["failed"] > 200
    assert verdicts["malformed"] > 200
    assert verdicts["verified"] > 20


def answer(question: list[Any]) -> Any:
    match question:
        case ["fold", text]:
            return fold(text)
        case ["gate", left, right]:
            return gate_between(left, right)
        case ["same", left, right]:
            return is_same_text(left, right)
        case ["groups", texts, name, tolerance]:
            relation = json_rung(tolerance) if tolerance else RUNGS[name]
            groups = group_answers(list(enumerate(texts)), relation)
            return [[list(group.members), group.representative] for group in groups]
        case ["score", text, field, decimals]:
            score = read_score(text, field, decimals)
            return "null" if score is None else str(score)
        case ["ln", numerator, denominator]:
            return str(ln_micro(int(numerator), int(denominator)))
        case ["logistic", margin, temperature]:
            return str(logistic(int(margin), int(temperature)))
        case ["odds", score, others]:
            return str(log_odds_micro(int(score), [int(other) for other in others]))
    raise AssertionError(question)


def ask(rng: random.Random) -> list[Any]:
    def text() -> str:
        if rng.random() < 0.3:
            return rng.choice(JSONS)
        return rng.choice(("", " ")).join(rng.choices(WORDS, k=rng.randint(0, 6)))

    def number(most: int) -> str:
        return str(rng.choice((1, 2, 10, rng.randint(1, 1000), rng.randint(1, most))))

    match rng.randrange(7):
        case 0 | 1:
            left = text()
            right = text() if rng.random() < 0.5 else " ".join(reversed(left.split(" ")))
            return [rng.choice(("gate", "same")), left, right]
        case 2:
            pool = [text() for _ in range(3)]
            texts = [rng.choice(pool) for _ in range(rng.randint(0, 5))]
            return ["groups", texts, rng.choice(list(RUNGS)), rng.choice((0, 0, 1, 10_000, 10**6))]
        case 3:
            field = rng.choice((None, "a", "b"))
            return ["score", rng.choice(JSONS), field, rng.choice((0, 1, 2, 30))]
        case 4:
            return ["ln", number(10**30), number(10**30)]
        case 5:
            return ["logistic", rng.choice(("", "-")) + number(10**9), number(10**6)]
        case _:
            scores = [str(rng.randint(-(10**8), 10**8)) for _ in range(rng.randint(1, 5))]
            return ["odds", str(rng.randint(-(10**8), 10**8)), scores]


def test_both_compute_the_same() -> None:
    rng = random.Random(8)
    questions = [ask(rng) for _ in range(QUESTIONS)]
    found = run("formula_lines.js", map(json.dumps, questions))
    for question, theirs in zip(questions, found, strict=True):
        assert theirs == answer(question), question


def test_both_fold_every_character_that_python_knows() -> None:
    known = [
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) not in {"Cn", "Cs", "Co"}
    ]
    texts = ["|".join(known[at : at + 500]) for at in range(0, len(known), 500)]
    found = run("formula_lines.js", (json.dumps(["fold", text]) for text in texts))
    for text, theirs in zip(texts, found, strict=True):
        assert theirs == fold(text), text
