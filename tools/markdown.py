# SPDX-License-Identifier: Apache-2.0
"""Reads what the documentation claims: its links, its headings and the commands it shows.

Convention: a fenced block marked `sh` holds commands to type, one a line (a backslash continues a
line); a block marked `console` is a transcript, whose commands follow `$ `. Nothing else is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r"^\s*(?P<ticks>`{3,}|~{3,})\s*(?P<language>[\w-]*)")
_LINK = re.compile(r"(?<!!)!?\[[^\]]*\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"`[^`]*`")
CONTINUES = "\\"
_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*$")


@dataclass(frozen=True)
class Line:
    """One line of a page.

    Attributes:
        number: 1-based.
        text: The line.
        block: Language of the fenced block it is in ("" if the block names none), None outside.
    """

    number: int
    text: str
    block: str | None


def lines(page: str) -> Iterator[Line]:
    """Splits a page; the fences themselves are left out.

    Args:
        page: Markdown.

    Yields:
        Each line with the block that it is in.
    """
    fence, language = "", None
    for number, text in enumerate(page.split("\n"), 1):
        match = _FENCE.match(text)
        if match and not fence:
            fence, language = match["ticks"], match["language"]
        elif fence and text.strip().startswith(fence) and not text.strip().strip(fence[0]):
            fence, language = "", None
        else:
            yield Line(number, text, language)


def commands(page: str) -> Iterator[tuple[int, str]]:
    """Lists the commands that a page tells its reader to run.

    Args:
        page: Markdown.

    Yields:
        Line number and command, without prompt, comment and continuation.
    """
    started, pending = 0, ""
    for line in lines(page):
        text = line.text.strip()
        if line.block == "console" and not pending:
            if not text.startswith("$ "):
                continue
            text = text.removeprefix("$ ")
        elif line.block not in {"sh", "console"}:
            continue
        if not text or text.startswith("#"):
            continue
        started = started if pending else line.number
        pending = f"{pending} {text.removesuffix(CONTINUES).strip()}".strip()
        if not text.endswith(CONTINUES):
            yield started, pending.partition("  #")[0].strip()
            pending = ""


def links(page: str) -> Iterator[tuple[int, str]]:
    """Lists the targets of a page's links and images.

    Args:
        page: Markdown.

    Yields:
        Line number and target.
    """
    for line in lines(page):
        if line.block is None:
            for match in _LINK.finditer(_CODE.sub("", line.text)):
                yield line.number, match["target"]


def anchors(page: str) -> set[str]:
    """Lists the anchors that a page's headings make, as forges derive them.

    Args:
        page: Markdown.

    Returns:
        Anchors without `#`.
    """
    found: set[str] = set()
    for line in lines(page):
        match = _HEADING.match(line.text) if line.block is None else None
        if match:
            text = re.sub(r"[^\w\- ]", "", match["text"].replace("`", "").lower())
            found.add(text.replace(" ", "-"))
    return found
