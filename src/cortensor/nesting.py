# SPDX-License-Identifier: Apache-2.0
"""How deep a JSON text nests, found without parsing it.

Parsers recurse. They rely on the interpreter's recursion limit, and a library of the Ethereum stack
(py_ecc) raises that limit to 100,000 on import: a text of brackets then overruns the C stack and
kills the process, whichever parser reads it. So whoever parses JSON of others asks here first.
"""

from __future__ import annotations

import re

from cortensor.errors import InvalidInput

MAX_DEPTH = 64

# One pass, no backtracking: a string (even one that never ends) or a bracket.
_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_BYTES = re.compile(_TEXT.pattern.encode(), re.DOTALL)
_OPENING = frozenset(("[", "{", b"[", b"{"))
_CLOSING = frozenset(("]", "}", b"]", b"}"))


def check_nesting(data: str | bytes, limit: int = MAX_DEPTH, field: str = "$") -> None:
    """Check that a JSON text nests at most `limit` deep, before a parser sees it.

    Raises:
        InvalidInput: naming `field`, with code `nested_too_deep`.
    """
    opening = ("[", "{") if isinstance(data, str) else (b"[", b"{")
    if sum(map(data.count, opening)) <= limit:  # type: ignore[arg-type]  # of the text's own kind
        return  # most texts: too few brackets to nest so deep, wherever they stand
    depth = 0
    tokens = _TEXT.finditer(data) if isinstance(data, str) else _BYTES.finditer(data)
    for token in tokens:
        mark = token[0]
        if mark in _OPENING:
            depth += 1
            if depth > limit:
                raise InvalidInput(
                    f"nests deeper than {limit}", field=field, code="nested_too_deep"
                )
        elif mark in _CLOSING:
            depth -= 1
