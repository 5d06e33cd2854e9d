# SPDX-License-Identifier: Apache-2.0
"""A service whose steps only write a line, run as a process of its own: `scripted.py FILE URL DIE`.

It dies, as by SIGKILL, in the step named DIE after that step has written its line. Where the epoch
is follows from the lines; the first block in which it is done is reorganised away, and with it
the payments.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from cortensor.chain.rewards import FINAL, NONE, OPEN, POSTED
from cortensor.epochs.acting import GONE, STAYS, WAITS, Look, Mark
from cortensor.epochs.syncing import Part
from cortensor.epochs.workflow import launch, start

OTHER = "0x" + "22" * 20


class ScriptedActor:
    address = "0x" + "11" * 20
    chain = SimpleNamespace(chain_id=1, rewards=SimpleNamespace(address="0x" + "33" * 20))

    def __init__(self, file: Path, job: SimpleNamespace, die: str) -> None:
        self.file = file
        self.job = job
        self.die = die
        self.funder = self.payer = self

    def _done(self, step: str) -> None:
        with self.file.open("a") as out:
            out.write(step + "\n")
        if step == self.die:
            os._exit(9)

    def look(self, _epoch: int) -> Look:
        done = set(self.file.read_text().splitlines())
        self._done("look")
        if "finalise" in done:
            return Look(FINAL)
        if "post" in done:
            return Look(POSTED, 0 if "check" in done else 1, OTHER, "root")
        return Look(OPEN if "open" in done else NONE)

    def fund(self, _epoch: int) -> str:
        self._done("fund")
        return "paid"

    def open(self, _epoch: int) -> str:
        self._done("open")
        return "open"

    def compute(self, _epoch: int, _checked: str) -> str:
        self._done("compute")
        return "computed"

    def post(self, _epoch: int) -> Look:
        self._done("post")
        return Look(POSTED, 1, OTHER, "root")

    def check(self, _epoch: int, *, is_computed: bool) -> str:
        assert is_computed
        self._done("check")
        return "right"

    def finalise(self, _epoch: int) -> Look:
        self._done("finalise")
        return Look(FINAL)

    def runs(self, _epoch: int) -> list[int]:
        self._done("runs")
        return [0, 128]

    def pay(self, _epoch: int, at: int) -> str:
        self._done(f"pay {at}")
        return ""

    def moves(self, _epoch: int) -> list[Part]:
        self._done("moves")
        return [Part(5, 1), Part(128, 64)]

    def sync(self, _epoch: int, part: Part) -> str:
        self._done(f"sync {part.first} {part.size}")
        return ""

    def mark(self, _epoch: int, ending: str) -> Mark:
        number = min(1, self.file.read_text().count("standing 0"))
        self._done(f"mark {ending}")
        return Mark(number, "0x01")

    def standing(self, mark: Mark) -> str:
        lines = self.file.read_text().splitlines()
        self._done(f"standing {mark.number}")
        if mark.number == 0:
            return GONE
        return WAITS if f"standing {mark.number}" not in lines else STAYS


if __name__ == "__main__":
    path, url, die = sys.argv[1:]
    job = SimpleNamespace(workflows=url, poll_s=0.01, pays=True)
    actor = ScriptedActor(Path(path), job, die)
    flow = launch(actor)  # type: ignore[arg-type]
    start(flow, actor, 7)  # type: ignore[arg-type]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and Path(path).read_text().count("standing 1") < 2:
        time.sleep(0.05)
    time.sleep(0.3)  # until DBOS has noted the last step
    os._exit(0)
