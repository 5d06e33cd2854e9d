# SPDX-License-Identifier: Apache-2.0
"""Committed files, JSON and TOML, as typed values; what is wrong in one is named."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from cortensor.errors import InvalidInput, NotFound
from cortensor.receipts.body import split_message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


def read_json(path: Path, kind: type[T]) -> T:
    """Return a JSON file's value.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it cannot be read, or is not of that kind.
    """
    return _read(path, kind, msgspec.json.decode, "JSON")


def read_toml(path: Path, kind: type[T]) -> T:
    """Return a TOML file's value. Raises as `read_json`."""
    return _read(path, kind, lambda raw: tomllib.loads(raw.decode("utf-8")), "TOML")


OF_THE_PROJECT = (("config",), ("gas",))
"""Where the files are that commands read unless others are named."""


def _read(path: Path, kind: type[T], parse: Callable[[bytes], Any], form: str) -> T:
    try:
        data = parse(path.read_bytes())
    except FileNotFoundError as error:
        is_ours = path.parts[:1] in OF_THE_PROJECT
        hint = "; run this in the project's folder, or name a file" if is_ours else ""
        raise NotFound(f"no file {path}{hint}", field="file") from error
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}", field="file") from error
    except (ValueError, msgspec.DecodeError) as error:
        raise InvalidInput(f"{path} is not {form}: {error}", field="file") from error
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        reason, field = split_message(str(error))
        raise InvalidInput(f"{path}: {reason}", field=field) from error
