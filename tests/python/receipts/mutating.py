# SPDX-License-Identifier: Apache-2.0
"""Every value in JSON data, and another one in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    else:
        yield path


def parent_of(data: Any, path: Path) -> Any:
    for part in path[:-1]:
        data = data[part]
    return data


def changed(value: Any) -> Any:
    """A different value of the same shape."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "0x" + "1" * 64
    if isinstance(value, str):
        if re.fullmatch(r"0x[0-9a-f]+", value):
            return value[:-1] + ("1" if value[-1] == "0" else "0")
        return str(int(value) + 1) if value.isdigit() else value + "x"
    return ["x"] if isinstance(value, list) else {"x": 1}
