# SPDX-License-Identifier: Apache-2.0
"""What copying, and answering as one, brings: each cheat against the same machines without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.rewards.network import Machine, network_of
from benchmarks.rewards.study import EPOCHS, TASKS, gain_bps, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.rewards.study import Run

OPERATORS = 40
BUSY_TASKS = 4 * TASKS
"""Each of 40 operators answers some 460 of them; on the testnets an epoch is a week."""
EARLY = 8
"""Epochs in which a thin network has not yet shown enough of a pair."""
COPIER, VICTIM, OTHER_VICTIM = 5, 6, 7
RING = range(6)
POOR: Mapping[str, Any] = {"right_bps": 6_000}
COPIES: Mapping[str, Any] = {"copies": (VICTIM,)}


class Cheat(msgspec.Struct, frozen=True, kw_only=True):
    """A way to cheat.

    Attributes:
        does: in words.
        who: numbers of the machines that do it.
        honest: what these machines are without it.
        change: what they do.
        victims: machines whose pairs with these are rightly flagged, as are these among themselves.
    """

    does: str
    who: Sequence[int] = (COPIER,)
    honest: Mapping[str, Any]
    change: Mapping[str, Any]
    victims: Sequence[int] = (VICTIM,)


CHEATS = {
    "good": Cheat(does="a good machine copies another", honest={}, change=COPIES),
    "poor": Cheat(does="a poor machine copies a good one", honest=POOR, change=COPIES),
    "hard": Cheat(
        does="the same, in hard tasks only", honest=POOR, change={**COPIES, "copies_easy": False}
    ),
    "noisy": Cheat(
        does="the same, in four of five tasks", honest=POOR, change={**COPIES, "copy_bps": 8_000}
    ),
    "half": Cheat(
        does="the same, in half of the tasks", honest=POOR, change={**COPIES, "copy_bps": 5_000}
    ),
    "third": Cheat(
        does="the same, in three of ten tasks", honest=POOR, change={**COPIES, "copy_bps": 3_000}
    ),
    "turns": Cheat(
        does="a poor one copies two by turns",
        honest=POOR,
        change={"copies": (VICTIM, OTHER_VICTIM)},
        victims=(VICTIM, OTHER_VICTIM),
    ),
    "ring": Cheat(
        does="six operators give one answer", who=RING, honest={}, change={"ring": 1}, victims=()
    ),
    "first": Cheat(
        does="a poor one copies whoever answers first",
        honest=POOR,
        change={"copies_first": True},
        victims=range(OPERATORS),
    ),
}


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """What a cheat brought on one seed.

    Attributes:
        gain_bps: reward of those who cheat, against that of the same machines without.
        early_bps: the same over the first `EARLY` epochs.
        victim_bps: what machine 6 is paid, which copiers copy, against what it is without.
        together_bps: reward of those who cheat and of those they copy, as `gain_bps`.
        first_epoch: epochs it took to flag a guilty pair; 0 where none was.
        flagged_epochs: epochs in which one was flagged.
        innocent_pairs: other pairs that were flagged.
    """

    gain_bps: int
    early_bps: int
    victim_bps: int
    together_bps: int
    first_epoch: int
    flagged_epochs: int
    innocent_pairs: int


def copying(
    seed: int,
    *,
    cheats: Sequence[str] = tuple(CHEATS),
    operators: int = OPERATORS,
    tasks: int = TASKS,
    epochs: int = EPOCHS,
) -> dict[str, Draw]:
    """Run every one of these cheats, beside the same network without it."""
    found = {}
    without: dict[tuple[Machine, ...], Run] = {}
    for name in cheats:
        cheat = CHEATS[name]
        honest = _machines(operators, cheat.who, cheat.honest)
        if honest not in without:
            without[honest] = run(honest, epochs, tasks, seed)
        machines = _machines(operators, cheat.who, {**cheat.honest, **cheat.change})
        places = [nodes[0] for nodes in network_of(machines).places]
        found[name] = _draw(cheat, without[honest], run(machines, epochs, tasks, seed), places)
    return found


def _machines(operators: int, who: Sequence[int], what: Mapping[str, Any]) -> tuple[Machine, ...]:
    return tuple(
        Machine(operator=number, **(what if number in who else {})) for number in range(operators)
    )


def _draw(cheat: Cheat, honest: Run, cheating: Run, places: Sequence[int]) -> Draw:
    guilty = {places[number] for number in cheat.who}
    with_them = guilty | {places[number] for number in cheat.victims if number < len(places)}
    found: list[bool] = []
    innocent: set[tuple[int, int]] = set()
    for pairs in cheating.flags:
        caught = {
            (pair.node, pair.other)
            for pair in pairs
            if guilty & {pair.node, pair.other} and {pair.node, pair.other} <= with_them
        }
        found.append(bool(caught))
        innocent |= {(pair.node, pair.other) for pair in pairs} - caught

    def gain(who: Sequence[int], epochs: int) -> int:
        before, after = (each.by_operator(epochs) for each in (honest, cheating))
        return gain_bps(sum(after[number] for number in who), sum(before[number] for number in who))

    return Draw(
        gain_bps=gain(cheat.who, len(found)),
        early_bps=gain(cheat.who, EARLY),
        victim_bps=gain([VICTIM], len(found)),
        together_bps=gain([*cheat.who, *cheat.victims], len(found)),
        first_epoch=found.index(True) + 1 if any(found) else 0,
        flagged_epochs=sum(found),
        innocent_pairs=len(innocent),
    )
