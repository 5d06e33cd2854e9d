# SPDX-License-Identifier: Apache-2.0
"""The files of an epoch: its inputs in their binary forms, what follows from them, and digests.

Equal inputs give equal bytes: no file has a date, a machine or a path in it.
"""

from __future__ import annotations

import csv
import io
import shutil
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct

from cortensor.epochs.observing import TREE_NAME
from cortensor.epochs.page import render_page
from cortensor.epochs.sources import Sources
from cortensor.epochs.tree_file import address, encode, seal_of
from cortensor.errors import Error, VerificationFailed
from cortensor.receipts.keccak import WORD_BYTES, from_hex, to_hex
from cortensor.rewards.card import RewardCard
from cortensor.rewards.epoch import EpochInputs, compute_epoch
from cortensor.rewards.metrics import NodeCounts
from cortensor.rewards.records import from_bytes, to_bytes
from cortensor.rewards.roster import Prior, Roster
from cortensor.rewards.words import Facts, Sums, Tally

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from cortensor.rewards.epoch import EpochResult

FORMAT = "cortensor-epoch/1"
MANIFEST = "manifest.json"
NUMBERS, CARD, ROSTER = "inputs/numbers.json", "inputs/card.json", "inputs/roster.bin"
PRIOR, MODELS, RECEIPTS = "inputs/prior.json", "inputs/models.json", "inputs/receipts.bin"
RECORDS, SOURCES, METRICS = "inputs/records.bin", "inputs/sources.json", "metrics.csv"
PAIRS, PAGE = "pairs.json", "report.html"


class Digest(Struct, frozen=True):
    """A file's size and SHA-256."""

    bytes: int
    sha256: str


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


def input_files(inputs: EpochInputs, sources: Sources) -> dict[str, bytes]:
    """Return the files that hold an epoch's inputs, by name."""
    numbers = {
        "epoch": inputs.epoch,
        "start": inputs.start,
        "end": inputs.end,
        "budget_wei": str(inputs.budget),
        "history": len(inputs.history),
    }
    prior = {
        address(node): [each.level, each.streak, each.rate_bps]
        for node, each in sorted(inputs.prior.items())
    }
    found = {
        NUMBERS: _json(numbers),
        CARD: _json(inputs.card.to_json()),
        ROSTER: inputs.roster.to_bytes(),
        PRIOR: _json(prior),
        MODELS: _json(list(inputs.models)),
        RECEIPTS: b"".join(inputs.receipts),
        RECORDS: to_bytes(inputs.records),
        SOURCES: _json(msgspec.to_builtins(sources)),
    }
    for number, frame in enumerate(inputs.history):
        found[_history(number)] = to_bytes(frame)
    return found


def derived_files(inputs: EpochInputs, sources: Sources) -> tuple[dict[str, bytes], EpochResult]:
    """Return the files that follow from an epoch's inputs, by name, and the result itself.

    Raises:
        InvalidInput: the inputs do not belong together.
    """
    result = compute_epoch(inputs)
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
    found = {
        TREE_NAME: encode(result.leaves),
        METRICS: _metrics(result),
        PAIRS: _json({"tested": result.collusion.tested, "flagged": pairs}),
        PAGE: render_page(inputs, sources, result).encode(),
    }
    return found, result


def digests_of(files: Mapping[str, bytes]) -> dict[str, Digest]:
    """Return what a manifest says of files."""
    return {name: Digest(len(data), sha256(data).hexdigest()) for name, data in files.items()}


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
            "seal": to_hex(seal_of(result.tree.root, result.tree.sums, len(result.leaves))),
            "files": {name: digests[name] for name in sorted(digests)},
        }
    )


def write_epoch(folder: Path, inputs: EpochInputs, sources: Sources) -> EpochResult:
    """Write an epoch's folder, whole or not at all; an older one of that name is replaced."""
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    # Inputs first, and out of memory before the computation needs it.
    digests = _write(partial, input_files(inputs, sources))
    derived, result = derived_files(inputs, sources)
    digests |= _write(partial, derived)
    _write(partial, {MANIFEST: manifest_of(digests, result, inputs.epoch)})
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
    return result


def _write(folder: Path, files: Mapping[str, bytes]) -> dict[str, Digest]:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return digests_of(files)


def read_files(folder: Path) -> dict[str, bytes]:
    """Return an epoch's files, each as its manifest says.

    Raises:
        VerificationFailed: one is missing, too many, or not what the manifest says.
    """
    manifest = read_manifest(folder)
    listed: dict[str, Any] = manifest["files"]
    there = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    } - {MANIFEST}
    for name in sorted(there ^ listed.keys()):
        reason = "is not in the manifest" if name in there else "is missing"
        raise VerificationFailed(reason, field=name)
    found = {}
    for name, said in listed.items():
        data = (folder / name).read_bytes()
        if sha256(data).hexdigest() != said["sha256"]:
            raise VerificationFailed("is not what the manifest says", field=name)
        found[name] = data
    return found


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a folder's manifest. Raises VerificationFailed if there is none of this format."""
    try:
        data: dict[str, Any] = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict)
        is_known = data["format"] == FORMAT and isinstance(data["files"], dict)
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
    name = NUMBERS
    try:
        numbers = msgspec.json.decode(files[NUMBERS], type=dict)
        name = CARD
        card = RewardCard.from_json(msgspec.json.decode(files[CARD]))
        name = ROSTER
        roster = Roster.from_bytes(files[ROSTER])
        name = PRIOR
        prior = msgspec.json.decode(files[PRIOR], type=dict[str, tuple[int, int, int | None]])
        name = MODELS
        models = msgspec.json.decode(files[MODELS], type=list[str])
        name = RECORDS
        records = from_bytes(files[RECORDS])
        history = []
        for number in range(numbers["history"]):
            name = _history(number)
            history.append(from_bytes(files[name]))
        receipts = files[RECEIPTS]
        return EpochInputs(
            epoch=numbers["epoch"],
            start=numbers["start"],
            end=numbers["end"],
            budget=int(numbers["budget_wei"]),
            card=card,
            roster=roster,
            prior={int(node, 16): Prior(*each) for node, each in prior.items()},
            records=records,
            models=models,
            receipts=[receipts[at : at + WORD_BYTES] for at in range(0, len(receipts), WORD_BYTES)],
            history=history,
        )
    except (Error, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise VerificationFailed(f"cannot be read: {error}", field=name) from error


def read_sources(files: Mapping[str, bytes]) -> Sources:
    """Return where the inputs in files came from. Raises VerificationFailed."""
    try:
        return msgspec.json.decode(files[SOURCES], type=Sources)
    except (msgspec.DecodeError, KeyError) as error:
        raise VerificationFailed(f"cannot be read: {error}", field=SOURCES) from error


def load_earlier(folder: Path) -> Kept | None:
    """Return what later epochs need of one of one's own; None if it is not there."""
    if not (folder / MANIFEST).is_file():
        return None
    found = read_files(folder)
    inputs = read_inputs(found)
    return Kept(inputs.roster, list(inputs.models), inputs.records, read_sources(found))


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
