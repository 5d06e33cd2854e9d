# SPDX-License-Identifier: Apache-2.0
"""The files of an epoch: its inputs in their binary forms, what follows from them, and digests.

Equal inputs give equal bytes: no file has a date, a machine or a path in it. Files are made,
written and read one at a time: an epoch of millions of rows is held once.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping
from hashlib import file_digest, sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from cortensor.epochs.observing import TREE_NAME
from cortensor.epochs.page import render_page
from cortensor.epochs.sources import Sources
from cortensor.epochs.tree_file import address, encode
from cortensor.errors import Error, VerificationFailed
from cortensor.receipts.keccak import WORD_BYTES, from_hex, to_hex
from cortensor.rewards.card import RewardCard
from cortensor.rewards.epoch import EpochInputs, compute_epoch
from cortensor.rewards.metrics import NodeCounts
from cortensor.rewards.records import from_bytes, pieces
from cortensor.rewards.roster import Prior, Priors, Roster
from cortensor.rewards.words import Facts, Sums, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import polars as pl

    from cortensor.rewards.epoch import EpochResult

    Pieces: TypeAlias = Iterable[bytes | memoryview]
    Files: TypeAlias = Iterable[tuple[str, Pieces]]

FORMAT = "cortensor-epoch/2"
OLD_FORMAT = "cortensor-epoch/1"
"""Its nodes before had no operator, and its rows were counted by other rules."""
MANIFEST = "manifest.json"
NUMBERS, CARD, ROSTER = "inputs/numbers.json", "inputs/card.json", "inputs/roster.bin"
PRIOR, MODELS, RECEIPTS = "inputs/prior.json", "inputs/models.json", "inputs/receipts.bin"
RECORDS, SOURCES, METRICS = "inputs/records.bin", "inputs/sources.json", "metrics.csv"
PAIRS, PAGE = "pairs.json", "report.html"

_WRITING = Lock()
"""A process computes several epochs, and may come to one of them on two ways."""

Part = TypeVar("Part")


class Digest(Struct, frozen=True):
    """A file's size and SHA-256."""

    bytes: int
    sha256: str


class Numbers(Struct, frozen=True):
    """An epoch's numbers; `history` counts the earlier epochs whose rows are beside."""

    epoch: int
    start: int
    end: int
    budget_wei: str
    history: int


class Kept(NamedTuple):
    """What later epochs need of an earlier one's folder."""

    roster: Roster
    models: list[str]
    records: pl.DataFrame
    sources: Sources


class Announced(Struct, frozen=True):
    """What is posted of an epoch: root and inputs hash of 32 bytes, packed sums, leaves."""

    root: bytes
    sums: int
    count: int
    inputs_hash: bytes


def input_files(inputs: EpochInputs, sources: Sources) -> Files:
    """Give the files that hold an epoch's inputs, each by name and in pieces."""
    history = len(inputs.history)
    numbers = Numbers(inputs.epoch, inputs.start, inputs.end, str(inputs.budget), history)
    prior: dict[str, dict[str, Prior]] = {}
    for (operator, node), each in sorted(inputs.prior.items()):
        prior.setdefault(address(operator), {})[address(node)] = each
    yield NUMBERS, [_json(msgspec.to_builtins(numbers))]
    yield CARD, [_json(inputs.card.to_json())]
    yield ROSTER, [inputs.roster.to_bytes()]
    yield PRIOR, [_json(prior)]
    yield MODELS, [_json(list(inputs.models))]
    yield RECEIPTS, [b"".join(inputs.receipts)]
    yield RECORDS, pieces(inputs.records)
    yield SOURCES, [_json(msgspec.to_builtins(sources))]
    for number, frame in enumerate(inputs.history):
        yield _history(number), pieces(frame)


def derived_files(inputs: EpochInputs, sources: Sources, result: EpochResult) -> Files:
    """Give the files that follow from an epoch's inputs, each by name and in pieces."""
    pairs = [
        {
            "nodes": [address(inputs.roster.nodes[each].node) for each in (pair.node, pair.other)],
            "shared": pair.shared,
            "same": pair.same,
            "expected_bps": pair.expected_bps,
            "later": None if pair.later is None else address(inputs.roster.nodes[pair.later].node),
        }
        for pair in result.collusion.pairs
    ]
    yield TREE_NAME, [encode(result.leaves)]
    yield METRICS, [_metrics(result)]
    yield PAIRS, [_json({"tested": result.collusion.tested, "flagged": pairs})]
    yield PAGE, [render_page(inputs, sources, result).encode()]


def digests_of(files: Files) -> dict[str, Digest]:
    """Return what a manifest says of files."""
    return {name: _digest(data) for name, data in files}


def manifest_of(digests: Mapping[str, Digest], result: EpochResult, epoch: int) -> bytes:
    """Return the manifest: what is to be posted, and the digest of every file."""
    sums = result.sums
    return _json(
        {
            "format": FORMAT,
            "epoch": epoch,
            "root": to_hex(result.tree.root),
            "amount_wei": str(sums.amount),
            "score": str(sums.score),
            "count": len(result.leaves),
            "inputs_hash": to_hex(result.inputs_hash),
            "seal": to_hex(result.tree.seal),
            "files": {name: digests[name] for name in sorted(digests)},
        }
    )


def write_epoch(
    folder: Path, inputs: EpochInputs, sources: Sources, seal: bytes | None = None
) -> EpochResult:
    """Write an epoch's folder, whole or not at all; an older one of that name is replaced.

    With a seal, nothing is written where the result has another.

    Raises:
        InvalidInput: the inputs do not belong together.
    """
    with _WRITING:
        partial = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        digests = _write(partial, input_files(inputs, sources))
        result = compute_epoch(inputs)
        digests |= _write(partial, derived_files(inputs, sources, result))
        _write(partial, [(MANIFEST, [manifest_of(digests, result, inputs.epoch)])])
        shutil.rmtree(folder if seal in {None, result.tree.seal} else partial, ignore_errors=True)
        if partial.exists():
            partial.rename(folder)
    return result


def _write(folder: Path, files: Files) -> dict[str, Digest]:
    digests = {}
    for name, data in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            digests[name] = _digest(data, file.write)
    return digests


def _digest(data: Pieces, write: Callable[[bytes | memoryview], object] | None = None) -> Digest:
    size, hashed = 0, sha256()
    for piece in data:
        size += len(piece)
        hashed.update(piece)
        if write is not None:
            write(piece)
    return Digest(size, hashed.hexdigest())


class Stored(Mapping[str, bytes]):
    """A folder's files as its manifest lists them, each read and checked when it is asked for.

    Attributes:
        digests: what the manifest says of each.

    Raises:
        VerificationFailed: one is missing or too many, or there is no manifest.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        listed = read_manifest(folder)["files"]
        try:
            self.digests = msgspec.convert(listed, dict[str, Digest])
        except msgspec.ValidationError as error:
            raise VerificationFailed(f"cannot be read: {error}", field=MANIFEST) from error
        there = {
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        } - {MANIFEST}
        for name in sorted(there ^ self.digests.keys()):
            reason = "is not in the manifest" if name in there else "is missing"
            raise VerificationFailed(reason, field=name)

    def __getitem__(self, name: str) -> bytes:
        """Return a file's bytes. Raises VerificationFailed if they are not those listed."""
        said = self.digests[name]
        with self._open(name) as file:
            data = file.read()
        if Digest(len(data), sha256(data).hexdigest()) != said:
            raise VerificationFailed("is not what the manifest says", field=name)
        return data

    def __iter__(self) -> Iterator[str]:
        """Give the names."""
        return iter(self.digests)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.digests)

    def check(self) -> None:
        """Check every file, without holding it. Raises VerificationFailed naming the first."""
        for name, said in self.digests.items():
            with self._open(name) as file:
                found = file_digest(file, "sha256").hexdigest()
            if found != said.sha256:
                raise VerificationFailed("is not what the manifest says", field=name)

    def _open(self, name: str) -> io.BufferedReader:
        try:
            return (self._folder / name).open("rb")
        except OSError as error:  # such as when who computed it again puts another in its place
            raise VerificationFailed(f"cannot be read: {error.strerror}", field=name) from error


def read_files(folder: Path) -> Stored:
    """Return an epoch's files, each as its manifest says.

    Raises:
        VerificationFailed: one is missing, too many, or not what the manifest says.
    """
    found = Stored(folder)
    found.check()
    return found


def read_manifest(folder: Path, formats: Sequence[str] = (FORMAT,)) -> dict[str, Any]:
    """Return a folder's manifest. Raises VerificationFailed if there is none of such a format."""
    try:
        data: dict[str, Any] = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict)
        is_known = data["format"] in formats and isinstance(data["files"], dict)
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise VerificationFailed(f"{folder} is no epoch's folder", field=MANIFEST) from error
    if not is_known:
        raise VerificationFailed(f"{folder} is not of the format {FORMAT}", field=MANIFEST)
    return data


def announced(folder: Path) -> Announced:
    """Return what is to be posted of a folder. Raises VerificationFailed."""
    said = read_manifest(folder)
    try:
        sums = Sums(amount=int(said["amount_wei"]), score=int(said["score"])).pack()
        root, hashed = (from_hex(said[name], WORD_BYTES, name) for name in ("root", "inputs_hash"))
        return Announced(root, sums, int(said["count"]), hashed)
    except (Error, KeyError, TypeError, ValueError) as error:
        raise VerificationFailed(f"cannot be read: {error}", field=MANIFEST) from error


def read_inputs(files: Mapping[str, bytes]) -> EpochInputs:
    """Return the inputs that files hold.

    Raises:
        VerificationFailed: they are no inputs; names the file.
    """
    numbers = _read(files, NUMBERS, lambda data: msgspec.json.decode(data, type=Numbers))
    receipts = _read(files, RECEIPTS, bytes)
    return EpochInputs(
        epoch=numbers.epoch,
        start=numbers.start,
        end=numbers.end,
        budget=int(numbers.budget_wei),
        card=_read(files, CARD, lambda data: RewardCard.from_json(msgspec.json.decode(data))),
        roster=_read(files, ROSTER, Roster.from_bytes),
        prior=_read(files, PRIOR, _prior),
        records=_read(files, RECORDS, from_bytes),
        models=_read(files, MODELS, _models),
        receipts=[receipts[at : at + WORD_BYTES] for at in range(0, len(receipts), WORD_BYTES)],
        history=[_read(files, _history(number), from_bytes) for number in range(numbers.history)],
    )


def read_sources(files: Mapping[str, bytes]) -> Sources:
    """Return where the inputs in files came from. Raises VerificationFailed."""
    return _read(files, SOURCES, lambda data: msgspec.json.decode(data, type=Sources))


def load_earlier(folder: Path, seal: bytes) -> Kept | None:
    """Return what later epochs need of one of one's own; None if none of that seal is there.

    A folder may be of another root than became final: an estimate, or one that left batches out.
    One of the old format is as none.
    """
    if not (folder / MANIFEST).is_file():
        return None
    said = read_manifest(folder, (FORMAT, OLD_FORMAT))
    if said["format"] == OLD_FORMAT or said.get("seal") != to_hex(seal):
        return None
    files = Stored(folder)
    return Kept(
        _read(files, ROSTER, Roster.from_bytes),
        _read(files, MODELS, _models),
        _read(files, RECORDS, from_bytes),
        read_sources(files),
    )


def _read(files: Mapping[str, bytes], name: str, decode: Callable[[bytes], Part]) -> Part:
    if name not in files:
        raise VerificationFailed("is missing", field=name)
    data = files[name]
    try:
        return decode(data)
    except (Error, msgspec.DecodeError, TypeError, ValueError) as error:
        raise VerificationFailed(f"cannot be read: {error}", field=name) from error


def _models(data: bytes) -> list[str]:
    return msgspec.json.decode(data, type=list[str])


def _prior(data: bytes) -> Priors:
    prior = msgspec.json.decode(data, type=dict[str, dict[str, Prior]])
    return {
        (int(operator, 16), int(node, 16)): each
        for operator, nodes in prior.items()
        for node, each in nodes.items()
    }


def _metrics(result: EpochResult) -> bytes:
    """Return a line for every node: what was counted, what the leaf says, and what it is paid."""
    text = io.StringIO()
    facts = Facts.__struct_fields__
    writer = csv.writer(text, lineterminator="\n")
    counts = NodeCounts._fields
    writer.writerow(["operator", "node", *counts, *facts, "operator_score", "score", "amount_wei"])
    for place, leaf in enumerate(result.leaves):
        said, sums = result.facts[place], Sums.unpack(leaf.sums)
        writer.writerow(
            [
                address(leaf.operator),
                address(leaf.node),
                *result.metrics.nodes[place],
                *(getattr(said, name) for name in facts),
                Tally.unpack(leaf.tally).operator_score,
                sums.score,
                sums.amount,
            ]
        )
    return text.getvalue().encode()


def _history(number: int) -> str:
    return f"inputs/history/{number:02}.bin"


def _json(data: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(data, order="deterministic"), indent=1) + b"\n"
