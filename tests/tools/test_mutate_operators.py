# SPDX-License-Identifier: Apache-2.0
"""Each operator of the mutation check finds its place, and nothing else."""

from __future__ import annotations

import textwrap

import pytest

from tests.tools.jar import JAR
from tools.mutate.mutant import key_of
from tools.mutate.operators import mutants_of


def changes(body: str, head: str = "") -> set[tuple[str, str, str]]:
    """Operator, old and new text of each mutant of one function."""
    source = f"{head}\nowner: address\n\n\n@external\ndef f(to: address, a: uint256, b: uint256):\n"
    found = mutants_of("X.vy", source + textwrap.indent(body, "    ") + "\n")
    for mutant in found:
        assert mutant.apply(source + textwrap.indent(body, "    ")) != source
    return {(mutant.edit.operator, mutant.before, mutant.edit.text) for mutant in found}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x: bool = a < b", {("compare", "<", "<=")}),
        ("x: bool = (a) >= (b)", {("compare", ">=", ">")}),
        ("x: bool = a == b", {("compare", "==", "!=")}),
        ("x: bool = a in [b]", {("compare", "in", "not in")}),
        ("x: bool = a < b and b > a", {("compare", "<", "<="), ("compare", ">", ">=")}
            | {("and-or", "and", "or")}),
        ('assert self.f, "x: y"', {("drop-check", 'assert self.f, "x: y"', "pass")}),
        ('raise "x: y"', {("drop-check", 'raise "x: y"', "pass")}),
        ("self.s = a", {("drop-statement", "self.s = a", "pass")}),
        ("extcall T(t).go()", {("drop-statement", "extcall T(t).go()", "pass")}),
        ("log E(a=a + 1)", set()),
        ('"""\n@dev Adds 1 + 1.\n"""', set()),
        ("x: uint256 = a // b", {("rounding", "a // b", "((a) + (b) - 1) // (b)")}),
        (
            "x: uint256 = (a + b - 1) // b",
            {
                ("rounding", "(a + b - 1) // b", "(a) // (b)"),
                ("plus-minus", "+", "-"),
                ("plus-minus", "-", "+"),
                ("off-by-one", "1", "0"),
                ("off-by-one", "1", "2"),
            },
        ),
        ("x: uint256 = unsafe_sub(a, b)", {("plus-minus", "unsafe_sub", "unsafe_add")}
            | {("swap-arguments", "a, b", "b, a")}),
        ("x: uint256 = min(a, b)", {("min-max", "min", "max")}),
        ("x: uint256 = self._g(a, b)", {("swap-arguments", "a, b", "b, a")}),
        ("x: uint256 = convert(to, uint256)", {("swap-accounts", "to", "msg.sender")}),
        ("x: bool = msg.sender == c", {("swap-accounts", "msg.sender", "to")}
            | {("compare", "==", "!=")}),
        ("x: bool = self.owner == c", {("swap-accounts", "self.owner", "msg.sender")}
            | {("compare", "==", "!=")}),
        ("x: bool = not c", {("condition", "not c", "c")}),
        ("return True", {("condition", "True", "False")}),
        ("if c:\n    return", {("condition", "c", "True"), ("condition", "c", "False")}),
        ("x: uint256 = a & b", {("bits", "&", "|")}),
        ("x: Bytes[32] = empty(Bytes[32])", set()),
        ("for i: uint256 in range(a, bound=9):\n    continue",
            {("drop-statement", "continue", "pass")}),
    ],
)  # fmt: skip
def test_an_operator_finds_its_place(body: str, expected: set[tuple[str, str, str]]) -> None:
    assert changes(body) == expected


def test_a_first_value_that_nothing_reads_is_left_alone() -> None:
    body = """\
p: bool = False
x: address = empty(address)
y: uint256 = 7
z: uint256 = 8
if to == x:
    q: uint256 = 9
    r: uint256 = 10
    q, r = self._g()
p, y, z = self._h(z)
"""
    # Between these and their use stands another statement.
    assert {("off-by-one", "7", "8"), ("condition", "False", "True")} <= changes(body)
    assert {old for _, old, _ in changes(body)}.isdisjoint({"9", "10"})
    body = "p: bool = False\nx: address = empty(address)\ny: uint256 = 7\np, x, y = self._h(y)"
    olds = {old for _, old, _ in changes(body)}
    assert "False" not in olds
    assert {"7", "p, x, y = self._h(y)"} <= olds


def test_shifts_change_direction_and_amount() -> None:
    found = changes("x: uint256 = a << 96 | b >> 192")
    assert {("bits", "<<", ">>"), ("bits", ">>", "<<"), ("bits", "|", "&")} <= found
    assert {("shift-amount", "96", "192"), ("shift-amount", "192", "96")} <= found
    assert {("off-by-one", "96", "95"), ("off-by-one", "96", "97")} <= found


def test_constants_are_mutated_but_for_the_base_of_a_power() -> None:
    found = changes("pass", "M: constant(uint256) = 2**96 - 1")
    assert {before for operator, before, _ in found if operator == "off-by-one"} == {"96", "1"}


def test_an_id_survives_edits_elsewhere() -> None:
    moved = JAR.replace("@external\n", "# A comment.\n\n\n@external\n")
    before, after = mutants_of("Jar.vy", JAR), mutants_of("Jar.vy", moved)
    assert [mutant.key for mutant in before] == [mutant.key for mutant in after]
    assert [mutant.id for mutant in before] != [mutant.id for mutant in after]
    assert [key_of(mutant.id) for mutant in before] == [mutant.key for mutant in before]


def test_equal_lines_are_different_mutants() -> None:
    twice = JAR.replace("    rules._check(amount)\n", "    rules._check(amount)\n" * 2)
    keys = [mutant.key for mutant in mutants_of("Jar.vy", twice)]
    assert len(keys) == len(set(keys)) == len(mutants_of("Jar.vy", JAR)) + 1
