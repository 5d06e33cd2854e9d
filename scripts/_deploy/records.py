# SPDX-License-Identifier: Apache-2.0
"""Deployment records: one JSON file a contract, checked against `deployments/schema.json`.

A record is written once, whole, right after its receipt. A transaction that was sent but not yet
seen is in `pending.json`, written before it is sent, so that a killed run can find it again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from cortensor.errors import Conflict, InvalidInput
from scripts._deploy.compiler import ROOT, SOURCES

FORMAT = "cortensor-deployment/1"
SCHEMA_PATH = ROOT / "deployments" / "schema.json"
PENDING = "pending.json"

Record = dict[str, Any]


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text()))


def check_record(record: object, where: str) -> None:
    """Check a record against the schema. Raises InvalidInput naming the key."""
    error = next(iter(sorted(_validator().iter_errors(record), key=lambda e: e.json_path)), None)
    if error is not None:
        raise InvalidInput(f"{error.json_path}: {error.message}", field=where)


class Store:
    """The records of one network in one folder.

    Args:
        directory: the folder; made when something is first written.
        network: the network's name; records of another are refused.
    """

    def __init__(self, directory: Path, network: str) -> None:
        self.directory = directory
        self.network = network

    def load(self, contract: str) -> Record | None:
        """Return a contract's record, or None.

        Raises:
            InvalidInput: if the file is no valid record.
            Conflict: if it belongs to another network.
        """
        record = self._read(f"{contract}.json")
        if record is None:
            return None
        where = str(self.directory / f"{contract}.json")
        check_record(record, where)
        if record["contract"] != contract:
            raise InvalidInput(f"is the record of {record['contract']}", field=where)
        if record["network"] != self.network:
            raise Conflict(
                f"is a record of {record['network']}, not of {self.network}", field=where
            )
        return record

    def load_all(self) -> dict[str, Record]:
        """Return every record by contract, in the order of deployment."""
        records = {name: self.load(name) for name in SOURCES}
        return {name: record for name, record in records.items() if record is not None}

    def save(self, record: Record) -> Path:
        """Check and write a record. Raises InvalidInput if it does not fit the schema."""
        name = f"{record['contract']}.json"
        check_record(record, name)
        return self._write(name, record)

    def pending(self) -> Record | None:
        """Return the transaction a killed run left, or None."""
        return self._read(PENDING)

    def save_pending(self, entry: Record) -> None:
        """Remember a transaction that is about to be sent."""
        self._write(PENDING, entry)

    def clear_pending(self) -> None:
        """Forget it: its outcome is known and recorded."""
        (self.directory / PENDING).unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run at a time. Raises Conflict if another run holds it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Conflict(
                    "another run is deploying here", field=str(self.directory)
                ) from error
            yield

    def _read(self, name: str) -> Record | None:
        path = self.directory / name
        try:
            record: Record = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise InvalidInput(f"cannot be read: {error}", field=str(path)) from error
        return record

    def _write(self, name: str, document: Record) -> Path:
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / name
        partial = path.with_suffix(".json.tmp")
        with partial.open("w") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return path


def git_state() -> Record:
    """Return the commit, and whether contracts or configuration differ; nulls outside git."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 -- fixed words, no shell
                ["git", "-C", str(ROOT), *arguments],  # noqa: S607 -- the user's own git
                capture_output=True,
                text=True,
                timeout=20,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    commit = git("rev-parse", "HEAD")
    status = git("status", "--porcelain", "--", "contracts", "config") if commit else None
    return {"commit": commit or None, "is_dirty": None if status is None else status != ""}
