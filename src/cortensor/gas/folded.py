# SPDX-License-Identifier: Apache-2.0
"""Folded stacks: a line a stack, from the outside in, and its gas; other tools draw these too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.gas.flame import Box


def folded(root: Box) -> str:
    """Return a graph as folded stacks, `a;b;c 12`; they add up to the gas of execution."""
    return "".join(f"{';'.join(path)} {gas}\n" for path, gas in _stacks(root, ()))


def _stacks(box: Box, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    for each in box.inside.values():
        path = (*above, each.name.replace(";", ","))
        if each.gas:
            yield path, each.gas
        yield from _stacks(each, path)
