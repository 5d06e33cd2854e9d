# SPDX-License-Identifier: Apache-2.0
"""What one epoch, and one tree, take: CPU seconds and peak memory of a process of their own."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from time import process_time

import msgspec

from benchmarks.rewards.extraction import Extraction, extraction
from benchmarks.rewards.made_up import (
    MODELS,
    SECONDS,
    START,
    made_up_prior,
    made_up_records,
    made_up_roster,
)
from cortensor.epochs import files
from cortensor.epochs.batches import Batch
from cortensor.epochs.sources import Sources
from cortensor.epochs.verifying import recompute
from cortensor.rewards import Leaf, RewardCard, SumTree
from cortensor.rewards.collusion import WINDOW_EPOCHS, WINDOW_ROWS, contested
from cortensor.rewards.epoch import EpochInputs
from cortensor.rewards.records import from_bytes, to_bytes

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS, MOST_MEGABYTES = 60, 1_500
EPOCH = START // SECONDS
BATCH = 1_000
"""Receipts of a batch."""
WORST_NODES = {"quarrelsome": 0.7, "quiet": 0.95}
"""How often the worst node is right. In the one network an epoch's own contested rows fill the
window in which pairs are looked for, in the other one earlier epochs' do."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds of all cores, peak resident MB, and the root that it came to."""

    cpu_s: float
    peak_mb: int
    root: str


class EpochCosts(msgspec.Struct, frozen=True, kw_only=True):
    """Of writing an epoch's folder, and of recomputing it from its own inputs; what it holds."""

    write: Cost
    verify: Cost
    contested: int
    history: list[int]


def epoch_costs(folder: Path, nodes: int, rows: int, network: str) -> EpochCosts:
    """Make an epoch up in this process; write its folder in another, verify it in a third.

    Args:
        folder: an empty one.
        nodes: of the roster.
        rows: of the epoch, and of each earlier one.
        network: a key of `WORST_NODES`.
    """
    roster, worst = made_up_roster(nodes), WORST_NODES[network]
    records = made_up_records(roster, rows, least_skill=worst)
    (folder / "records.bin").write_bytes(to_bytes(records))
    own = len(contested(records))
    history: list[int] = []
    while len(history) < WINDOW_EPOCHS - 1:
        seed = 8 + len(history)
        frame = contested(made_up_records(roster, rows, seed, worst))
        if own + sum(history) + len(frame) > WINDOW_ROWS:
            break
        (folder / f"{len(history):02}.bin").write_bytes(to_bytes(frame))
        history.append(len(frame))
    write = _in_a_process("write", str(folder), str(nodes))
    verify = _in_a_process("verify", str(folder))
    if write.root != verify.root:
        raise SystemExit("another root: nothing was measured")
    return EpochCosts(write=write, verify=verify, contested=own, history=history)


def tree_cost(leaves: int) -> Cost:
    """Build a tree of so many leaves and each of its proofs, in a process of its own."""
    return _in_a_process("tree", str(leaves))


def extraction_cost(batches: int) -> tuple[Extraction, int]:
    """Read batches of receipts, in a process of its own; returns its peak resident MB as well."""
    data = _output("extract", str(batches))
    return msgspec.json.decode(data, type=tuple[Extraction, int])


def _in_a_process(*arguments: str) -> Cost:
    return msgspec.json.decode(_output(*arguments), type=Cost)


def _output(*arguments: str) -> bytes:
    done = subprocess.run(  # noqa: S603 -- this very program
        [sys.executable, "-m", "benchmarks.rewards.speed", *arguments],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr.decode(errors="replace"))
    return done.stdout


def _made_up(folder: Path, nodes: int) -> tuple[EpochInputs, Sources]:
    """Return an epoch's inputs as `gather` gives them."""
    card = RewardCard.load(ROOT / "config" / "reward-card.toml")
    roster = made_up_roster(nodes)
    records = from_bytes((folder / "records.bin").read_bytes())
    tasks = records["task"].n_unique()
    inputs = EpochInputs(
        epoch=EPOCH,
        start=START,
        end=START + SECONDS,
        budget=card.budget_cap_wei,
        card=card,
        roster=roster,
        prior=made_up_prior(roster),
        records=records,
        models=MODELS,
        receipts=[sha256(task.to_bytes(8, "big")).digest() for task in range(tasks)],
        history=[from_bytes(path.read_bytes()) for path in sorted(folder.glob("??.bin"))],
    )
    batches = [
        Batch(1, f"0x{1:040x}", f"0x{number:064x}", BATCH, number, "https://router.example/b")
        for number in range(-(-tasks // BATCH))
    ]
    sources = Sources(
        chain_id=31_337,
        node_reward=f"0x{2:040x}",
        session_payment=f"0x{3:040x}",
        epoch=EPOCH,
        start=START,
        end=START + SECONDS,
        first_block=0,
        last_block=len(batches),
        card_version=1,
        is_budget_drawn=True,
        prior_epoch=EPOCH - 1,
        batches=batches,
        left_out_before=[],
    )
    return inputs, sources


def _write(folder: Path, nodes: int) -> tuple[bytes, float]:
    inputs, sources = _made_up(folder, nodes)
    start = process_time()
    result = files.write_epoch(folder / str(EPOCH), inputs, sources)
    return result.tree.root, process_time() - start


def _verify(folder: Path) -> tuple[bytes, float]:
    start = process_time()
    found = recompute(folder / str(EPOCH))
    return found.result.tree.root, process_time() - start


def some_leaves(count: int) -> list[Leaf]:
    """Return leaves with words as full as real ones."""
    facts, tally, sums = (1 << 215) // 3, (1 << 223) // 3, (1 << 90) // 3
    return [Leaf(1 + n // 7, n + 1, facts + n, tally + n, sums + n) for n in range(count)]


def _tree(count: int) -> tuple[bytes, float]:
    leaves = some_leaves(count)
    start = process_time()
    tree = SumTree(leaves)
    size = sum(map(len, tree.proofs()))
    if size != count * tree.depth * 64:
        raise SystemExit("a proof is missing: nothing was measured")
    return tree.root, process_time() - start


def main() -> None:
    """Run one measurement and print its cost as JSON."""
    kind, *arguments = sys.argv[1:]
    if kind == "extract":
        found = extraction(int(arguments[0]))
        sys.stdout.buffer.write(msgspec.json.encode((found, _peak_mb())))
        return
    if kind == "write":
        root, seconds = _write(Path(arguments[0]), int(arguments[1]))
    elif kind == "verify":
        root, seconds = _verify(Path(arguments[0]))
    else:
        root, seconds = _tree(int(arguments[0]))
    cost = Cost(cpu_s=round(seconds, 2), peak_mb=_peak_mb(), root=root.hex())
    sys.stdout.buffer.write(msgspec.json.encode(cost))


def _peak_mb() -> int:
    # Not `ru_maxrss`: Linux has a new process begin with the peak of the one that started it.
    (line,) = (
        each
        for each in Path("/proc/self/status").read_text("ascii").splitlines()
        if each.startswith("VmHWM:")
    )
    return int(line.split()[1]) * 1_024 // 1_000_000


if __name__ == "__main__":
    main()
