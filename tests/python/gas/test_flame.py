# SPDX-License-Identifier: Apache-2.0
"""Gas by source line: frames, internal functions, steps without a line, and folded stacks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cortensor.errors import Error, InvalidInput, NotFound, VerificationFailed
from cortensor.gas.flame import DEPOSIT, DISPATCH, Box, Source, code_addresses, flame, hottest
from cortensor.gas.folded import folded
from cortensor.gas.known import Known
from cortensor.gas.line_map import load_line_map
from cortensor.gas.opcodes import NUMBERS
from cortensor.gas.sources import sources_of
from cortensor.gas.trace import Detail, Enter, Trace, read_steps
from tests.python.gas.flames import JAR_CODE, SHOP_CODE, graph, line_map
from tests.python.gas.traces import OTHER, TARGET, calling, trace, transaction

SHOP = line_map("Shop", [(0, -1, -1), (5, 0, 0), (10, 0, 1), (20, 1, 2), (30, 0, 1)], SHOP_CODE)
JAR = line_map("Jar", [(0, 0, 0)], JAR_CODE)


def drawn(told: Trace, sources: dict[str, Source], *, is_creation: bool = False) -> Box:
    steps = read_steps(told, is_creation=is_creation, is_failed=False)
    root = flame(told, steps, code_addresses(told, steps, TARGET), sources)
    assert root.total == sum(steps.costs)
    return root


def at(told: Trace, *pcs: int) -> Trace:
    return msgspec.structs.replace(told, pcs=list(pcs))


def stacks(root: Box) -> dict[str, int]:
    lines = [line.rsplit(" ", 1) for line in folded(root).splitlines()]
    return {stack: int(count) for stack, count in lines}


def plain(*costs: int) -> Trace:
    return trace(*(("PUSH1", cost) for cost in costs), ("STOP", 0))


def test_internal_functions_are_inside_the_line_that_calls_them() -> None:
    told = at(plain(1, 2, 4, 8, 16), 0, 5, 10, 20, 30, 31)
    assert stacks(drawn(told, {TARGET: Source("Shop", SHOP)})) == {
        f"Shop;{DISPATCH}": 1,
        "Shop;buy;Shop.vy:11": 2,
        "Shop;buy;Shop.vy:12": 4 + 16,
        "Shop;buy;Shop.vy:12;_pay;pay.vy:4": 8,
    }


def test_a_step_without_a_line_belongs_to_the_one_before() -> None:
    runs = [(0, 0, 0), (5, -1, -1), (10, 0, 1)]
    told = at(plain(1, 2, 4), 0, 5, 10, 11)
    found = stacks(drawn(told, {TARGET: Source("Shop", line_map("Shop", runs, b""))}))
    assert found == {"Shop;buy;Shop.vy:11": 3, "Shop;buy;Shop.vy:12": 4}


def test_a_call_is_inside_the_line_that_makes_it() -> None:
    told = at(calling(inner_fails=False), 10, 20, 0, 1, 2, 20, 21)
    root = drawn(told, {TARGET: Source("Shop", SHOP), OTHER: Source("Jar", JAR)})
    inside = "Shop;buy;Shop.vy:12;_pay;pay.vy:4"
    assert stacks(root) == {
        "Shop;buy;Shop.vy:12": 3,
        inside: 2_600 + 2_100,
        f"{inside};Jar;buy;Jar.vy:11": 3 + 22_100,
    }


def test_a_contract_without_lines_and_one_unknown_are_boxes() -> None:
    told = at(calling(inner_fails=False), 0, 0, 0, 0, 0, 0, 0)
    named = stacks(drawn(told, {TARGET: Source("Shop"), OTHER: Source("Jar")}))
    assert named == {"Shop": 4_703, "Shop;Jar": 22_103}
    assert set(stacks(drawn(told, {}))) == {TARGET, f"{TARGET};{OTHER}"}


def test_code_that_stays_is_apart() -> None:
    told = at(trace(("PUSH1", 3), ("RETURN", 0, ["0", "2", "40"])), 5, 10)
    root = drawn(told, {TARGET: Source("Shop", SHOP)}, is_creation=True)
    assert stacks(root) == {"Shop;buy;Shop.vy:11": 3, f"Shop;{DEPOSIT}": 400}


def test_under_delegatecall_the_code_is_of_another() -> None:
    ops = [NUMBERS[name] for name in ("DELEGATECALL", "STOP", "STOP")]
    details = [Detail(0, [OTHER[2:], "0"])]
    told = Trace(ops, [900, 500, 800], [Enter(0, 1, TARGET), Enter(1, 2, TARGET)], details, [])
    steps = read_steps(calling(inner_fails=False), is_creation=False, is_failed=False)
    assert code_addresses(calling(inner_fails=False), steps, TARGET) == [TARGET, OTHER]
    frames = [frame._replace(address=TARGET) for frame in steps.frames]
    frames[1] = frames[1]._replace(opener=0)
    assert code_addresses(told, steps._replace(frames=frames), TARGET) == [TARGET, OTHER]


def test_a_trace_without_program_counters_is_truncated() -> None:
    with pytest.raises(VerificationFailed) as caught:
        drawn(at(plain(1), 0), {})
    assert caught.value.code == "truncated_trace"


def test_the_hottest_lines_are_those_of_their_own_gas() -> None:
    found = hottest(graph(), 3)
    assert [(hot.gas, hot.contract, hot.function, hot.line) for hot in found] == [
        (599, "Jar", "put", "Jar.vy:7"),
        (250, "Shop", "buy", "Shop.vy:11"),
        (100, "Shop", "_pay", "pay.vy:4"),
    ]


def test_folded_stacks_have_no_semicolon_but_between_frames() -> None:
    root = Box("root", "execution")
    root.box("contract", "odd;name").gas = 7
    assert folded(root) == "odd,name 7\n"


KNOWN = {TARGET: Known("Shop"), OTHER: Known("Jar")}


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    for each in (SHOP, JAR):
        (tmp_path / f"{each.contract}.json").write_bytes(msgspec.json.encode(each))
    return tmp_path


def test_maps_are_read_as_they_are_written(maps: Path) -> None:
    assert load_line_map(maps, "Shop") == SHOP
    assert load_line_map(maps, "Other") is None


def test_sources_are_of_what_is_on_chain(maps: Path) -> None:
    # Immutables stand behind the code.
    on_chain = {TARGET: SHOP_CODE + bytes(32), OTHER: JAR_CODE}
    found, notes = sources_of(transaction(), [TARGET, OTHER], KNOWN, maps, on_chain)
    assert found == {TARGET: Source("Shop", SHOP), OTHER: Source("Jar", JAR)}
    assert notes == []


def test_what_is_called_inside_may_be_unknown(maps: Path) -> None:
    (maps / "Jar.json").unlink()
    stranger = "0x" + "d" * 40
    on_chain = {TARGET: SHOP_CODE}
    found, notes = sources_of(transaction(), [TARGET, OTHER, stranger], KNOWN, maps, on_chain)
    assert found == {TARGET: Source("Shop", SHOP), OTHER: Source("Jar")}
    assert [note.code for note in notes] == ["missing_line_map", "unknown_contract"]


def test_a_creation_is_checked_by_what_was_sent(maps: Path) -> None:
    created = transaction(SHOP_CODE + b"arguments", to=None)
    assert sources_of(created, [OTHER], {OTHER: Known("Shop")}, maps, {})[0]
    with pytest.raises(VerificationFailed, match="is of other code than the transaction has"):
        sources_of(transaction(b"other", to=None), [OTHER], {OTHER: Known("Shop")}, maps, {})


@pytest.mark.parametrize(
    ("codes", "known", "code", "error"),
    [
        ([], KNOWN, "no_execution", InvalidInput),
        ([TARGET], {}, "unknown_contract", InvalidInput),
        ([TARGET], {TARGET: Known("Other")}, "missing_line_map", NotFound),
        ([TARGET], {TARGET: Known("Jar")}, "wrong_line_map", VerificationFailed),
        ([TARGET], {TARGET: Known("Broken")}, "missing_line_map", InvalidInput),
    ],
)
def test_what_is_missing_is_one_error(
    maps: Path, codes: list[str], known: dict[str, Known], code: str, error: type[Error]
) -> None:
    (maps / "Broken.json").write_text("{}")
    with pytest.raises(error) as caught:
        sources_of(transaction(), codes, known, maps, {TARGET: SHOP_CODE})
    assert caught.value.code == code
