# SPDX-License-Identifier: Apache-2.0
"""A call as it is sent, and as v4's request, which its receipt commits to.

The second is made of the first by the functions that the router itself uses, from the very bytes
that are sent: so the two cannot say different things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.client.core import answered, decoded
from cortensor.errors import InvalidInput
from cortensor.receipts.request_text import request_text
from cortensor.router.chat.models import ANY, Models
from cortensor.router.chat.request import chat
from cortensor.router.chat.schemas import ModelList
from cortensor.router.requests import parse_object
from cortensor.router.versions.faces import FACES

if TYPE_CHECKING:
    from cortensor.client.asks import Ask
    from cortensor.client.core import Core
    from cortensor.client.flow import Flow

CHAT_PATH = "/v1/chat/completions"
MODELS_PATH = "/v1/models"
DELEGATE = "delegate"
OWN_VERSION = "/api/v4/"
_FACES = {face.path: face for face in FACES}


class Prepared(Struct, frozen=True):
    """What is sent, and v4's endpoint and body that the router makes of it."""

    sent: bytes
    endpoint: str
    body: dict[str, Any]

    @property
    def text(self) -> bytes:
        """What the receipt commits to. Raises InvalidInput for what has no canonical form."""
        return request_text(self.endpoint, self.body)


def prepared(core: Core, ask: Ask[Any], until: float) -> Flow[Prepared]:
    """Make a call ready; nothing of it is sent.

    Raises:
        InvalidInput: no such route, or a body that a route of v2, v3 or the OpenAI API refuses.
        NotFound: no compute session runs the chat's model.
    """
    session = core.paying().session
    body = {"session_id": session, **ask.body} if ask.path.startswith(OWN_VERSION) else ask.body
    sent = msgspec.json.encode(body)
    data = parse_object(sent)
    if ask.path == CHAT_PATH:
        models = yield from _models(core, data.get("model"), until)
        return Prepared(sent, DELEGATE, chat(data, session, models).body)
    face = _FACES.get(ask.path)
    if face is None:
        raise InvalidInput(f"no paid route is {ask.path}", field="path")
    return Prepared(sent, face.endpoint, face.upgrade(data, session).body)


def _models(core: Core, name: object, until: float) -> Flow[Models]:
    """Return what a router's models are, if they matter: a name stands for compute sessions."""
    if name == ANY:
        return Models({ANY: []}, 0)
    reply = yield from answered(core, "GET", MODELS_PATH, until)
    return Models.listed(decoded(reply, ModelList))
