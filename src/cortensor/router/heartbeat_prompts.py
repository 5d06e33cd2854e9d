# SPDX-License-Identifier: Apache-2.0
"""What nodes are asked for heartbeats: requests like anybody's, never the same twice.

A node that could tell a heartbeat from work would answer heartbeats only. What the router makes up
can be told by who knows this file, so an operator who cares brings requests of their own.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.errors import Error, InvalidInput
from cortensor.router.request_checks import check_call
from cortensor.router.requests import decode_call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cortensor.router.config import Limits

Prompt = dict[str, Any]
"""A request body without session, consensus and policy."""

OURS = ("session_id", "consensus", "policy", "subject")
FIELD = "heartbeats.prompts"
NAMES = ("Ada", "Bruno", "Chen", "Dalia", "Emeka", "Farid", "Greta", "Hana", "Ivo", "Jun")
THINGS = ("lamps", "tickets", "notebooks", "bolts", "apples", "cables", "tiles", "seeds", "cups")
PLACES = ("Lisbon", "Nairobi", "Osaka", "Lima", "Oslo", "Accra", "Quebec", "Hanoi", "Perth")
TOPICS = ("rain", "a late train", "an old bridge", "the tide", "a market", "a lost key", "bees")
TEMPLATES = (
    "{name} buys {a} {things} at {b} euros each and pays with {c}. What is the change? A number.",
    "Write one sentence about {topic} in {place}.",
    "Is {c} divisible by {a}? Answer yes or no, and why in one sentence.",
    "Translate into French: {name} has sent {a} {things} to {place}.",
    "In six words: on {day} May {name} had {c} {things} sent to {place}; {b} broke on the way.",
    "Which comes first in the alphabet: {place}, {name} or {things}? Answer with the word.",
    'JSON with the keys "who", "count" and "where": {name} counted {c} {things} in {place}.',
    "Give three words that have to do with {topic} and with {things}, separated by commas.",
)

_chance = random.SystemRandom()


def endpoint_of(prompt: Prompt) -> str:
    """Return the endpoint that a prompt is a request of."""
    return "validate" if "claim" in prompt else "delegate"


def next_prompt(given: Sequence[Prompt]) -> Prompt:
    """Return one of the prompts given, or one that is made up where there are none."""
    return dict(_chance.choice(given)) if given else made_up()


def made_up() -> Prompt:
    """Return a short task about numbers, names and places drawn by lot."""
    facts = {
        "name": _chance.choice(NAMES),
        "things": _chance.choice(THINGS),
        "place": _chance.choice(PLACES),
        "topic": _chance.choice(TOPICS),
        "day": _chance.randint(1, 31),
        "a": _chance.randint(2, 19),
        "b": _chance.randint(2, 49),
        "c": _chance.randint(1_000, 9_999),
    }
    return {"objective": _chance.choice(TEMPLATES).format(**facts)}


def load_prompts(path: Path, limits: Limits) -> tuple[Prompt, ...]:
    """Read a file of JSON lines, each a request of delegate or, with a `claim`, of validate.

    Raises:
        InvalidInput: unreadable, empty, or a line is no request that a caller could send.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}", field=FIELD) from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_checked(msgspec.json.decode(line, type=Prompt), limits))
        except (msgspec.MsgspecError, Error) as error:
            raise InvalidInput(f"{path}, line {number}: {error}", field=FIELD) from error
    if not found:
        raise InvalidInput(f"{path} has no prompts", field=FIELD)
    return tuple(found)


def _checked(prompt: Prompt, limits: Limits) -> Prompt:
    for name in OURS:
        if name in prompt:
            raise InvalidInput("is the router's to say", field=name)
    check_call(decode_call(endpoint_of(prompt), {"session_id": "0x" + "0" * 40, **prompt}), limits)
    return prompt
