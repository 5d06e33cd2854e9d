# SPDX-License-Identifier: Apache-2.0
"""The plots of docs/rewards.md, drawn by hand as SVG: legible on a light page and on a dark one."""

from __future__ import annotations

from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 400, 56, 40, 176, 48
BPS = 10_000
# Hues of one lightness that hold 3:1 against white and against GitHub's dark grey.
COLOURS = ("#2f7fd6", "#c2571a", "#1f8a5b", "#a155c9", "#b8860b", "#d1456b")
DASHES = ("", "6 3", "2 3", "9 3 2 3", "12 4", "4 2")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}.t{font-size:15px;font-weight:600}"
    ".g{stroke:#8b949e;stroke-opacity:.35}.e{stroke:#8b949e;stroke-dasharray:3 3;fill:none}"
    "@media(prefers-color-scheme:dark){text{fill:#adbac7}}"
)


DOT_RANGE = (-1_500, 500)
SHORT = {
    "good": "good, copies",
    "poor": "poor, copies",
    "hard": "hard tasks",
    "noisy": "four of 5",
    "half": "half",
    "third": "three of 10",
    "turns": "two victims",
    "ring": "ring of six",
}


class Line(NamedTuple):
    """A curve: its name and its values, evenly spaced over the axis."""

    name: str
    values: Sequence[int]


class Dot(NamedTuple):
    """A cheat's gain on one seed, and whether it was found."""

    gain_bps: int
    is_found: bool


def write(figures: dict[str, Any]) -> None:
    """Write every plot."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in drawn(figures).items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def drawn(figures: dict[str, Any]) -> dict[str, str]:
    """Return file name -> SVG."""
    populations = figures["populations"]
    spread = {name: each["spread"] for name, each in populations.items()}
    margins = {name: each["margins"] for name, each in populations.items()}
    shares = {
        "Gini": [each["gini_bps"] for each in spread.values()],
        "HHI": [each["hhi_bps"] for each in spread.values()],
        "top 5": [each["top5_bps"] for each in spread.values()],
    }
    gains = {
        "one more model": [each["model"] for each in margins.values()],
        "one more node, no more work": [each["node_without_work"] for each in margins.values()],
        "one more point, of uptime": [each["uptime_point"] for each in margins.values()],
    }
    return {
        "rewards-lorenz.svg": _lines(
            "Lorenz curves of 60 epochs",
            "poorest operators",
            [Line(name, each["lorenz_bps"]) for name, each in spread.items()],
        ),
        "rewards-spread.svg": _bars("How rewards are spread", list(spread), shares, 6_000),
        "rewards-margins.svg": _bars(
            "What the median operator gains by", list(margins), gains, _over(gains)
        ),
        "rewards-copying.svg": _dots(
            "What cheating gains over 60 epochs", _cheats(figures["copying"]), DOT_RANGE
        ),
    }


def _cheats(draws: dict[str, Any]) -> dict[str, list[Dot]]:
    """Return each cheat's draws but those of `first`, which are off every scale."""
    return {
        SHORT[name]: [
            Dot(each[name]["gain_bps"], each[name]["first_epoch"] > 0) for each in draws.values()
        ]
        for name in SHORT
    }


def _over(groups: dict[str, list[int]]) -> int:
    most = max(value for values in groups.values() for value in values)
    return -(-(most + 1) // 100) * 100


def _percent(bps: int) -> str:
    text = f"{abs(bps) // 100}.{abs(bps) % 100:02d}".rstrip("0").rstrip(".")
    return f"{'-' if bps < 0 else ''}{text} %"


def _frame(title: str, height: int, most: int, least: int = 0) -> list[str]:
    right, bottom = WIDTH - RIGHT, height - BOTTOM
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{title}"><title>{title}</title><style>{_STYLE}</style>'
    )
    parts = [
        head,
        f'<text class="t" x="{LEFT}" y="22">{title}</text>',
    ]
    for step in range(5):
        y = bottom - (bottom - TOP) * step // 4
        parts.append(f'<line class="g" x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}"/>')
        label = _percent(least + (most - least) * step // 4)
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{label}</text>')
    return parts


def _lines(title: str, below: str, lines: Sequence[Line]) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = _frame(title, HEIGHT, BPS)
    parts.append(f'<path class="e" d="M{LEFT} {bottom}L{right} {TOP}"/>')
    for number, line in enumerate(lines):
        steps = len(line.values) - 1
        points = " ".join(
            f"{LEFT + (right - LEFT) * step // steps},{bottom - (bottom - TOP) * value // BPS}"
            for step, value in enumerate(line.values)
        )
        stroke = f'stroke="{COLOURS[number]}" stroke-width="2" stroke-dasharray="{DASHES[number]}"'
        parts.append(f'<polyline fill="none" {stroke} points="{points}"/>')
        y = TOP + 14 + 22 * number
        parts.append(f'<line {stroke} x1="{right + 12}" x2="{right + 44}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{right + 50}" y="{y + 4}">{line.name}</text>')
    for step in range(5):
        x = LEFT + (right - LEFT) * step // 4
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{25 * step} %</text>')
    middle = (LEFT + right) // 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{below}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _bars(title: str, names: Sequence[str], groups: dict[str, list[int]], most: int) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = _frame(title, HEIGHT, most)
    slot = (right - LEFT) // len(names)
    bar = (slot - 10) // len(groups)
    for number, (group, values) in enumerate(groups.items()):
        for place, value in enumerate(values):
            tall = max(1, (bottom - TOP) * value // most)
            x = LEFT + 5 + slot * place + bar * number
            parts.append(
                f'<rect x="{x}" y="{bottom - tall}" width="{bar - 2}" height="{tall}" '
                f'fill="{COLOURS[number]}"><title>{names[place]}, {group}: {_percent(value)}'
                "</title></rect>"
            )
        y = TOP + 14 + 40 * number
        parts.append(
            f'<rect x="{right + 12}" y="{y - 8}" width="14" height="14" fill="{COLOURS[number]}"/>'
        )
        first, _, rest = group.partition(", ")
        parts.append(f'<text x="{right + 32}" y="{y + 4}">{first}</text>')
        if rest:
            parts.append(f'<text x="{right + 32}" y="{y + 20}">{rest}</text>')
    return "\n".join([*parts, *_names(names, slot), "</svg>", ""])


def _dots(title: str, groups: dict[str, list[Dot]], within: tuple[int, int]) -> str:
    """Draw a dot a draw, full where the cheat was found, and a line at each group's median."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    least, most = within
    parts = _frame(title, HEIGHT, most, least)
    slot = (right - LEFT) // len(groups)

    def height(bps: int) -> int:
        return bottom - (bottom - TOP) * (bps - least) // (most - least)

    parts.append(f'<path class="e" d="M{LEFT} {height(0)}L{right} {height(0)}"/>')
    for number, dots in enumerate(groups.values()):
        left = LEFT + slot * number
        for place, dot in enumerate(dots):
            x = left + 8 + (slot - 16) * place // max(1, len(dots) - 1)
            fill = COLOURS[0] if dot.is_found else "none"
            parts.append(
                f'<circle cx="{x}" cy="{height(dot.gain_bps)}" r="3.5" fill="{fill}" '
                f'stroke="{COLOURS[0]}" stroke-width="1.5"><title>{_percent(dot.gain_bps)}'
                "</title></circle>"
            )
        y = height(median_low(dot.gain_bps for dot in dots))
        parts.append(
            f'<line stroke="{COLOURS[1]}" stroke-width="2" x1="{left + 4}" x2="{left + slot - 4}" '
            f'y1="{y}" y2="{y}"/>'
        )
    for place, (fill, text) in enumerate(((COLOURS[0], "found"), ("none", "never found"))):
        y = TOP + 14 + 24 * place
        parts.append(
            f'<circle cx="{right + 20}" cy="{y}" r="3.5" fill="{fill}" stroke="{COLOURS[0]}" '
            f'stroke-width="1.5"/><text x="{right + 32}" y="{y + 4}">{text}</text>'
        )
    y = TOP + 14 + 48
    parts.append(
        f'<line stroke="{COLOURS[1]}" stroke-width="2" x1="{right + 12}" x2="{right + 28}" '
        f'y1="{y}" y2="{y}"/><text x="{right + 32}" y="{y + 4}">median</text>'
    )
    return "\n".join([*parts, *_names(list(groups), slot), "</svg>", ""])


def _names(names: Sequence[str], slot: int) -> list[str]:
    """Return the names below an axis, each on two lines."""
    bottom = HEIGHT - BOTTOM
    parts = []
    for place, name in enumerate(names):
        x = LEFT + slot * place + slot // 2
        first, _, rest = name.partition(" ")
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{first}</text>')
        parts.append(f'<text x="{x}" y="{bottom + 34}" text-anchor="middle">{rest}</text>')
    return parts
