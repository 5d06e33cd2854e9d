# SPDX-License-Identifier: Apache-2.0
"""What to ask of completions, as values: a prompt, which is the user message as it is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cortensor.client.asks import Ask, HowOptions, consensus, made, members
from cortensor.client.older_asks import compute_session
from cortensor.router.versions.completion_schemas import CompletionV2, CompletionV3

if TYPE_CHECKING:
    from typing import Unpack

    from cortensor.client.asks import Consensus

T = TypeVar("T")
MILLISECONDS = 1000


class V2CompletionOptions(HowOptions, total=False):
    """What a v2 completion may say; `compute_session` is the one that runs it, by default any."""

    compute_session: str
    client_reference: str
    temperature: float
    top_p: float
    top_k: int
    presence_penalty: float
    frequency_penalty: float


class CompletionOptions(V2CompletionOptions, total=False):
    """What a v3 completion may say."""

    consensus: Consensus


def completion_v2(prompt: str, **options: Unpack[V2CompletionOptions]) -> Ask[CompletionV2]:
    """Ask v2 to complete a prompt on one compute session."""
    return _ask("v2", prompt, options, CompletionV2)


def completion(prompt: str, **options: Unpack[CompletionOptions]) -> Ask[CompletionV3]:
    """Ask v3 to complete a prompt."""
    return _ask("v3", prompt, options, CompletionV3)


def _ask(version: str, prompt: str, options: V2CompletionOptions, answer: type[T]) -> Ask[T]:
    body: dict[str, Any] = {
        "prompt": prompt,
        **members(options, "max_tokens", "client_reference", "temperature", "top_p", "top_k"),
        **members(options, "presence_penalty", "frequency_penalty"),
        **consensus(options),
        **compute_session(options),
    }
    if options.get("timeout_ms") is not None:
        body["timeout"] = options["timeout_ms"] / MILLISECONDS
    return made(f"/api/{version}/completions", body, options, answer)
