# SPDX-License-Identifier: Apache-2.0
"""Hard gates: what must be equal before likeness may say that two texts are one answer.

Likeness fails exactly where it matters. Embedding cosines of two models: "valid" and "not valid"
.94 and .90, 19.50 and 195.0 EUR 1.00 and .86, "Alice paid Bob" and "Bob paid Alice" 1.00 and .99. A
gate errs towards refusing: two answers taken for different cost agreement, two taken for one cost
truth.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBERS, MONEY, SYMBOLS, NEGATION = "numbers", "money", "symbols", "negation"
ENUMS, NAMES, ORDER = "enums", "names", "order"
GATES = (NUMBERS, MONEY, SYMBOLS, NEGATION, ENUMS, NAMES, ORDER)
"""The gates, in the order they are tried."""

_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?")
_TOKEN = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?|\w+", re.UNICODE)
_WORD = re.compile(r"\w+", re.UNICODE)
_SENTENCE_END = re.compile(r"[.!?:\n]")
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|neither|nor|nothing|nobody|without|cannot|false|invalid|incorrect"
    r"|untrue|wrong|hardly|barely|seldom|lack(?:s|ed|ing)?"
    # One word of each kind in the languages nearest to hand; French "ne" comes with another.
    r"|nicht|kein(?:e[mnrs]?)?|nie|niemals|ohne|ung\u00fcltig|falsch"
    r"|pas|jamais|aucune?|sans|nunca|sin|ning[\u00fau]n|falso|non|mai|senza|n\u00e3o|sem|niet|geen)\b"
    r"|n['\u2019]t\b"
)
_OPPOSING = ("un", "in", "im", "il", "ir", "non", "dis", "mis", "de", "anti")
"""What turns a word into its opposite: legal, illegal."""
_SYMBOL = re.compile(r"[<>=+/^%&~\u2260\u2264\u2265\u2248\u00b1\u00d7\u00f7\u2192\u2190]")

_CURRENCIES: Mapping[str, str] = MappingProxyType(
    {
        "\u20ac": "eur", "euro": "eur", "euros": "eur", "eur": "eur",
        "$": "usd", "dollar": "usd", "dollars": "usd", "usd": "usd",
        "\u00a3": "gbp", "pound": "gbp", "pounds": "gbp", "gbp": "gbp",
        "\u00a5": "jpy", "yen": "jpy", "jpy": "jpy", "cny": "cny", "inr": "inr", "\u20b9": "inr",
        "chf": "chf", "cent": "cent", "cents": "cent", "usdc": "usdc", "usdt": "usdt",
        "btc": "btc", "\u20bf": "btc", "eth": "eth", "cor": "cor", "wei": "wei", "gwei": "gwei",
    }
)  # fmt: skip
"""How a currency is written -> its one name. Another currency is another amount."""
_SYMBOLS = "$\u20ac\u00a3\u00a5\u20b9\u20bf"
_AMOUNT = re.compile(
    rf"(?:([{_SYMBOLS}]|\b[a-z]{{3,7}}\b)\s*)?"
    r"([+-]?\d[\d,]*(?:\.\d+)?)"
    rf"(?:(?=\s*([{_SYMBOLS}]|[a-z]+\b)))?"
)

_CLOSED_SETS = """
    accept accepted approve approved reject rejected deny denied allow allowed pass passed fail
    failed succeeded yes retry needs_spec inconclusive low medium high critical minor major buy sell
    hold up down increase increased decrease decreased rise rose fall fell before after above below
    more less minimum maximum left right north south east west debit credit refund charge enabled
    disabled open closed seller_valid seller_invalid no_consensus
    two three four five six seven eight nine ten eleven twelve dozen twenty thirty forty fifty sixty
    seventy eighty ninety hundred thousand million billion first second third half double twice
    all some most few always sometimes often rarely only today tomorrow yesterday monday tuesday
    wednesday thursday friday saturday sunday january february april june july august september
    october november december won lost win lose wins loses alive dead guilty innocent positive
    negative success failure start started stop stopped begin end create created delete deleted add
    added remove removed send sent receive received read write encrypt decrypt earlier later early
    late same different best worst better worse hot cold on off red green blue yellow black white
"""
ENUM_WORDS = frozenset(_CLOSED_SETS.split())
"""Words of small closed sets (verdicts, levels, numbers, days), where another is another answer.

Words that differ from another by a negation alone (valid, invalid) are the negation gate's.
"""


class Claims(NamedTuple):
    """What the gates compare of one text.

    Attributes:
        numbers: all numbers, ascending, as exact decimals.
        money: amounts with the currency beside them, ascending.
        symbols: signs of comparison and arithmetic, sorted.
        negated: whether the negations in it are odd in number.
        enums: words of closed sets and how often.
        names: words written with a capital where no sentence begins, folded.
        tokens: words and numbers in order, folded; numbers in one spelling.
        words: the words that are no numbers, folded.
    """

    numbers: tuple[Decimal, ...]
    money: tuple[tuple[str, Decimal], ...]
    symbols: str
    negated: bool
    enums: tuple[tuple[str, int], ...]
    names: frozenset[str]
    tokens: tuple[str, ...]
    words: frozenset[str]


def claims(text: str, enums: frozenset[str] = ENUM_WORDS) -> Claims:
    """Return what the gates compare of a text.

    Args:
        text: the answer as given; capitals tell names.
        enums: words, folded, of which another is another answer.
    """
    text = unicodedata.normalize("NFC", text)
    folded = text.casefold()
    tokens = [_spelt(token) for token in _TOKEN.findall(folded)]
    return Claims(
        numbers=tuple(sorted(_decimal(number) for number in _NUMBER.findall(folded))),
        money=_money(folded),
        symbols="".join(sorted(_SYMBOL.findall(folded))),
        negated=len(_NEGATION.findall(folded)) % 2 == 1,
        enums=tuple(sorted(Counter(token for token in tokens if token in enums).items())),
        names=_names(text),
        tokens=tuple(tokens),
        # Numbers are compared as numbers; as words, 19.50 and 19.5 would differ.
        words=frozenset(_WORD.findall(_NUMBER.sub(" ", folded))),
    )


def closed_gate(left: Claims, right: Claims) -> str | None:
    """Return the first gate in `GATES` that two texts do not pass together, or None."""
    if left.numbers != right.numbers:
        return NUMBERS
    if left.money != right.money:
        return MONEY
    for gate, is_open in (
        (SYMBOLS, left.symbols == right.symbols),
        (NEGATION, left.negated == right.negated and not _are_opposed(left.words, right.words)),
        (ENUMS, left.enums == right.enums and not _are_two_words(left, right)),
        (NAMES, not (_only_in(left, right) and _only_in(right, left))),
        (ORDER, same_order(left, right)),
    ):
        if not is_open:
            return gate
    return None


def agree(left: Claims, right: Claims) -> bool:
    """Return whether all gates are open."""
    return closed_gate(left, right) is None


def _are_two_words(left: Claims, right: Claims) -> bool:
    """Return whether both answers are one word, and not the same: such an answer is a choice."""
    return len(left.tokens) == len(right.tokens) == 1 and left.tokens != right.tokens


def _only_in(left: Claims, right: Claims) -> frozenset[str]:
    """Return the names of one text that the other has nowhere; each may leave out some."""
    return left.names - frozenset(right.tokens)


def _are_opposed(left: frozenset[str], right: frozenset[str]) -> bool:
    """Return whether one text has the opposite of a word of the other: legal, illegal."""
    ours, theirs = left - right, right - left
    return any(
        prefix + word in others
        for words, others in ((ours, theirs), (theirs, ours))
        for word in words
        for prefix in _OPPOSING
    )


def same_order(left: Claims, right: Claims) -> bool:
    """Return whether names and numbers that both texts have come in one order.

    "Alice paid Bob" is not "Bob paid Alice", nor "A costs 3, B costs 5" "A costs 5, B costs 3".
    Whole sequences are compared where both name each as often, else the order of first mention.
    The price: a passive ("Bob was paid by Alice") or a list told in another order is refused.
    """
    named = left.names | right.names
    ours = [token for token in left.tokens if token in named or token[0].isdigit()]
    theirs = [token for token in right.tokens if token in named or token[0].isdigit()]
    shared = set(ours) & set(theirs)
    ours = [token for token in ours if token in shared]
    theirs = [token for token in theirs if token in shared]
    if Counter(ours) == Counter(theirs):
        return ours == theirs
    return list(dict.fromkeys(ours)) == list(dict.fromkeys(theirs))


def _money(folded: str) -> tuple[tuple[str, Decimal], ...]:
    """Return the amounts that have a currency directly before or after them."""
    found = []
    for match in _AMOUNT.finditer(folded):
        before, number, after = match.groups()
        # "5 eur 3 usd": which one the 3 belongs to is not known, so it has both.
        named = [_CURRENCIES[word] for word in (before, after) if word in _CURRENCIES]
        found += [(currency, _decimal(number)) for currency in named]
    return tuple(sorted(found))


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _spelt(token: str) -> str:
    """Return a token; a number without sign, separators and idle zeros."""
    if not token.lstrip("+-")[:1].isdigit() or not _NUMBER.fullmatch(token):
        return token
    digits = token.lstrip("+-").replace(",", "")
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits).lstrip("0") or "0"


def _names(text: str) -> frozenset[str]:
    """Return words with a capital inside a sentence; a text all in capitals has none.

    The first word of a sentence is a name if the other text, or this one elsewhere, has it with a
    capital inside a sentence: `same_order` joins the names of both.
    """
    if text.upper() == text:
        return frozenset()
    found = set()
    end = None
    for match in _WORD.finditer(text):
        starts = end is None or _SENTENCE_END.search(text, end, match.start())
        if match[0][0].isupper() and not starts:
            found.add(match[0].casefold())
        end = match.end()
    return frozenset(found)
