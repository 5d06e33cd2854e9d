# SPDX-License-Identifier: Apache-2.0
"""Any OpenAI-compatible chat completions server as a backend.

One attempt per replica: the caller paid for k runs, and a silent retry would be a k+1st. What a
server says of its own usage is not trusted: it is held to bounds and flagged when outside them.
"""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.errors import Unavailable
from cortensor.receipts.verify_task import trace_hash
from cortensor.router.adapters.http_client import HttpClient, ReplyTooLargeError
from cortensor.router.adapters.sse import CUT, Pieces, Usage, events
from cortensor.router.json_guard import decode_json
from cortensor.router.ports import BackendError, Completion
from cortensor.router.sampling import SamplingRequest, as_parameters
from cortensor.router.tracing import NoTracer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.router.adapters.http_client import Reply
    from cortensor.router.backend_config import BackendConfig
    from cortensor.router.ports import Call
    from cortensor.router.tracing import Tracer

PATH = "/v1/chat/completions"
CHECK_TIMEOUT_S = 3.0
HTTP_OK = 200
HTTP_TOO_MANY = 429
HTTP_SERVER_ERROR = 500
MODEL_CHARS = 200
DIGITS = 9
MAX_TOOL_CALLS = 32
EVENT_STREAM = "text/event-stream"
EVENT_OVERHEAD = 64
HEADERS = {"Content-Type": "application/json"}
STREAM_HEADERS = {**HEADERS, "Accept": EVENT_STREAM}
ANY_OBJECT = {"type": "object"}


class _Message(Struct):
    content: str | None = None
    tool_calls: list[Any] | None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _Reply(Struct):
    choices: list[_Choice]
    model: str | None = None
    usage: Usage | None = None


class OpenAIBackend:
    """Talks to one server.

    Args:
        config: URL, model, limits.
        api_key: sent as bearer token; None sends none.
        model_digest: hash of the weights, if the operator knows it.
        tracer: whose trace the server is told of.
    """

    def __init__(
        self,
        config: BackendConfig,
        api_key: str | None = None,
        model_digest: str | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._config = config
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._digest = model_digest or config.model_digest
        self._tracer = tracer or NoTracer()
        self._http: HttpClient | None = None
        self.root = (config.base_url or "").rstrip("/").removesuffix("/v1")

    @property
    def model(self) -> str:
        """Name of the configured model."""
        return self._config.model or "unknown"

    @property
    def model_digest(self) -> str | None:
        """Hash of the weights, if known."""
        return self._digest

    async def start(self) -> None:
        """Be ready to connect."""
        self._http = HttpClient(self.root, self._headers)

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            self._http.close()
        self._http = None

    async def check(self) -> None:
        """Return if the server answers at all.

        Raises:
            Unavailable: it does not.
        """
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                with await self._client().send("GET", "/v1/models", {}) as reply:
                    status = reply.status
        except OSError as error:
            raise Unavailable("does not answer", code="backend_unavailable") from error
        if status >= HTTP_SERVER_ERROR:
            raise Unavailable(f"answers {status}", code="backend_unavailable")

    async def complete(self, call: Call) -> Completion:
        """Run one prompt.

        Raises:
            BackendError: no usable answer; the reason says why.
        """
        body = msgspec.json.encode(self._body(call))
        headers = {**HEADERS, **self._tracer.headers()}
        try:
            with await self._client().send("POST", PATH, headers, body) as reply:
                raw = await self._read(reply)
        except OSError as error:
            raise BackendError("unreachable") from error
        return self._completion(call, raw)

    async def stream(self, call: Call, on_text: Callable[[str], None]) -> Completion:
        """Run one prompt as a stream; a server that does not stream gives one piece.

        Raises:
            BackendError: no whole answer; the reason says why.
        """
        pieces = Pieces()
        asked = {**self._body(call), "stream": True, "stream_options": {"include_usage": True}}
        headers = {**STREAM_HEADERS, **self._tracer.headers()}
        body = msgspec.json.encode(asked)
        try:
            # Servers close the connection after a stream without saying so: it is not used again.
            with await self._client().send("POST", PATH, headers, body, is_last=True) as reply:
                whole = await self._pieces(call, reply, pieces, on_text)
        except OSError as error:
            raise BackendError(CUT if pieces.texts else "unreachable") from error
        if whole is not None:
            return whole
        if pieces.finish_reason is None:
            raise BackendError(CUT)
        return self._made(
            call,
            pieces.text,
            model=pieces.model,
            usage=pieces.usage,
            finish_reason=pieces.finish_reason,
            tool_calls=pieces.tool_calls,
        )

    async def _pieces(
        self,
        call: Call,
        reply: Reply,
        pieces: Pieces,
        on_text: Callable[[str], None],
    ) -> Completion | None:
        """Read a stream into `pieces`; return the answer of a server that does not stream."""
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if reply.status != HTTP_OK or kind != EVENT_STREAM:
            whole = self._completion(call, await self._read(reply))
            on_text(whole.text)
            return whole
        # An event is many times its piece of text, so the limit is on the text's scale.
        async for data in events(reply.pieces(), self._config.max_response_bytes * EVENT_OVERHEAD):
            text = pieces.add(data)
            if text:
                on_text(text)
        return None

    async def _read(self, reply: Reply) -> bytes:
        """Return the body of an answer that is no refusal. Raises BackendError."""
        try:
            raw = await reply.read(self._config.max_response_bytes)
        except ReplyTooLargeError as error:
            raise BackendError("response_too_large") from error
        if reply.status != HTTP_OK:
            raise _refusal(reply.status, raw, reply.headers.get("retry-after"))
        return raw

    def _client(self) -> HttpClient:
        if self._http is None:
            raise Unavailable("the backend was not started", code="backend_unavailable")
        return self._http

    def _body(self, call: Call) -> dict[str, Any]:
        session = call.session
        own = SamplingRequest(temperature_bps=session.temperature_bps, seed=session.seed)
        body: dict[str, Any] = {
            "messages": call.messages,
            "max_tokens": call.max_tokens,
            "stream": False,
            **as_parameters(call.sampling or own),
        }
        model = session.model or self._config.model
        if model is not None:
            body["model"] = model
        if call.schema == ANY_OBJECT:
            body["response_format"] = {"type": "json_object"}
        elif call.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": call.schema},
            }
        return body

    def _completion(self, call: Call, raw: bytes) -> Completion:
        try:
            reply = msgspec.convert(decode_json(raw), _Reply)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise BackendError("bad_reply", healthy=False) from error
        if not reply.choices or reply.choices[0].message.content is None:
            raise BackendError("bad_reply", healthy=False)
        choice = reply.choices[0]
        return self._made(
            call,
            choice.message.content or "",
            model=reply.model,
            usage=reply.usage,
            finish_reason=choice.finish_reason,
            tool_calls=choice.message.tool_calls or (),
        )

    def _made(
        self,
        call: Call,
        text: str,
        *,
        model: str | None,
        usage: Usage | None,
        finish_reason: str | None,
        tool_calls: Sequence[Any],
    ) -> Completion:
        """Return an answer with its usage held to bounds, and only such calls as can be hashed."""
        flags = [] if usage else ["usage_missing"]
        said = usage or Usage()
        prompt = min(max(said.prompt_tokens, 0), call.prompt_bound)
        completion = min(max(said.completion_tokens, 0), call.max_tokens)
        if (prompt, completion) != (said.prompt_tokens, said.completion_tokens):
            flags.append("usage_clamped")
        called = [each for each in tool_calls[:MAX_TOOL_CALLS] if trace_hash(each) is not None]
        if len(called) != len(tool_calls):
            flags.append("tool_calls_left_out")
        named = call.session.model or self._config.model or model or "unknown"
        return Completion(
            text=text,
            model=named[:MODEL_CHARS],
            input_units=prompt,
            output_units=completion,
            finish_reason=finish_reason,
            flags=tuple(flags),
            tool_calls=tuple(called),
        )


def _refusal(status: int, raw: bytes, retry_after: str | None = None) -> BackendError:
    """Map a server's refusal; a fault of the request says nothing of the session's health."""
    if status == HTTP_TOO_MANY:
        return BackendError("rate_limited", retry_after_s=_seconds(retry_after))
    if status >= HTTP_SERVER_ERROR:
        return BackendError("upstream_error", retry_after_s=_seconds(retry_after))
    if b"exceed_context_size" in raw or b"context_length_exceeded" in raw:
        return BackendError("context_exceeded", healthy=True)
    return BackendError("refused", healthy=status == HTTP_OK or status in (400, 413, 422))


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header: seconds, or a date; None without one that can be read."""
    text = (retry_after or "").strip()
    if text.isdigit():
        return float(text[:DIGITS])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, until.timestamp() - time.time())
