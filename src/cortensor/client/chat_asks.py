# SPDX-License-Identifier: Apache-2.0
"""What to ask of the OpenAI-compatible route, as a value: `chat(messages, ...)`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.client.asks import Ask, HowOptions, PolicyOptions, consensus, made, members, plain
from cortensor.client.asks import policy as policy_of
from cortensor.client.older_asks import compute_session
from cortensor.client.preparing import CHAT_PATH
from cortensor.router.chat.models import ANY
from cortensor.router.chat.schemas import ChatCompletion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from cortensor.client.asks import Consensus
    from cortensor.router.chat.schemas import ChatMessage


class ChatOptions(HowOptions, PolicyOptions, total=False):
    """What a chat completion may say.

    `model` is by default any. `metadata` has texts only. What the OpenAI API has no field for goes
    into the body's `cortensor`: `consensus`, `compute_session`, policy, `timeout_ms`, `receipt`,
    `repair_attempts`, `top_k` and `tool_trace`.
    """

    model: str
    temperature: float
    top_p: float
    presence_penalty: float
    frequency_penalty: float
    seed: int
    stop: str | list[str]
    response_format: dict[str, Any]
    user: str
    metadata: dict[str, str]
    consensus: Consensus
    compute_session: str
    receipt: bool
    repair_attempts: int
    top_k: int
    tool_trace: list[Any]


def chat(
    messages: Sequence[ChatMessage | Mapping[str, Any]], **options: Unpack[ChatOptions]
) -> Ask[ChatCompletion]:
    """Ask for a conversation to be continued."""
    body: dict[str, Any] = {
        "model": options.get("model", ANY),
        "messages": [plain(each) for each in messages],
        **members(options, "max_tokens", "temperature", "top_p", "seed", "stop", "user"),
        **members(options, "presence_penalty", "frequency_penalty", "response_format", "metadata"),
    }
    ours = {
        **members(options, "timeout_ms", "receipt", "repair_attempts", "top_k", "tool_trace"),
        **consensus(options),
        **policy_of(options),
        **compute_session(options),
    }
    if ours:
        body["cortensor"] = ours
    return made(CHAT_PATH, body, options, ChatCompletion)
