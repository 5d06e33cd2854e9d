# SPDX-License-Identifier: Apache-2.0
"""Rules on the bytes of a Vyper file: character set, header, length.

Vyper 0.4.3 finds literals by position, and characters outside ASCII (CVE-2026-114114) or odd line
breaks (CVE-2026-114116) shift those positions: what is compiled is then not what is read. Only
printable ASCII and line feeds are let in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tools.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_LICENCE = "# SPDX-License-Identifier: AGPL-3.0-only"
_PRAGMA = re.compile(r"^#\s*pragma\s+(?P<name>[a-z-]+)\s+(?P<value>\S.*?)\s*$")
_TARGET_HEADER = (
    ("version", ("0.4.3",)),
    ("evm-version", ("cancun",)),
    ("optimize", ("gas", "codesize")),
    ("nonreentrancy", ("on",)),
)
_SHARED_HEADER = (("version", ("~=0.4.3",)),)
#: A module may add one after its version, and a test double may be open to re-entrance.
_REENTRANCY = {"nonreentrancy": ("on", "off")}


def bad_bytes(path: str, content: bytes) -> Iterator[Finding]:
    """Finds bytes that move Vyper's source positions.

    Args:
        path: Name for the findings.
        content: The file.

    Yields:
        One finding a line.
    """
    for number, line in enumerate(content.split(b"\n"), 1):
        odd = next((byte for byte in line if not ord(" ") <= byte <= ord("~")), None)
        if odd is not None:
            message = f"byte 0x{odd:02x}: only printable ASCII and \\n (CVE-2026-114114, -114116)"
            yield Finding(path, number, "ascii", message)
    if not content.endswith(b"\n"):
        yield Finding(path, content.count(b"\n") + 1, "ascii", "the last line must end with \\n")


def header(path: str, content: str, *, target: bool, double: bool = False) -> Iterator[Finding]:
    """Checks the licence line and the pragmas, their values and their order.

    Args:
        path: Name for the findings.
        content: The file.
        target: Whether the full header of a compilation target is asked for.
        double: Whether it is a test double or baseline, whose re-entrance may be open.

    Yields:
        What is missing, wrong or out of order.
    """
    lines = content.split("\n")
    if lines[0] != _LICENCE:
        yield Finding(path, 1, "spdx", f"the first line must be `{_LICENCE}`")
    found = [
        (number, match["name"], match["value"])
        for number, line in enumerate(lines, 1)
        if (match := _PRAGMA.match(line))
    ]
    wanted = _TARGET_HEADER if target else _SHARED_HEADER
    expected = [name for name, _ in wanted]
    names = [name for _, name, _ in found]
    optional = {} if target else _REENTRANCY
    if [name for name in names if name not in optional] != expected or len(set(names)) < len(names):
        have = ", ".join(names) or "none"
        message = f"pragmas must be {', '.join(expected)}, in this order; found {have}"
        yield Finding(path, 1, "pragma", message)
    allowed = dict(wanted) | optional | (_REENTRANCY if double else {})
    for number, name, value in found:
        if name in allowed and value not in allowed[name]:
            message = f"pragma {name} must be {' or '.join(allowed[name])}, not {value}"
            yield Finding(path, number, "pragma", message)
    if found and [number for number, _, _ in found] != list(range(2, 2 + len(found))):
        yield Finding(path, found[0][0], "pragma", "pragmas follow the licence line, one per line")


def habits(path: str, content: str) -> Iterator[Finding]:
    """Finds `# dev:` reasons, which tools lose once modules are imported.

    Args:
        path: Name for the findings.
        content: The file.

    Yields:
        One finding for each.
    """
    for number, line in enumerate(content.split("\n"), 1):
        if re.search(r"#\s*dev:", line):
            message = "`# dev:` reasons get lost with modules; give the assert a reason string"
            yield Finding(path, number, "reason", message)
