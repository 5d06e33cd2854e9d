# SPDX-License-Identifier: Apache-2.0
"""Any OpenAI-compatible chat completions server as a backend.

One attempt per replica: the caller paid for k runs, and a silent retry would be a k+1st. What a
server says of its own usage is not trusted: it is held to bounds and flagged when outside them.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from msgspec import Struct

from cortensor.errors import Unavailable
from cortensor.receipts.verify_task import trace_hash
from cortensor.router.adapters.sse import CUT, Pieces, Usage, events
from cortensor.router.json_guard import decode_json
from cortensor.router.ports import BackendError, Completion
from cortensor.router.sampling import SamplingRequest, as_parameters
from cortensor.router.tracing import NoTracer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.router.config import BackendConfig
    from cortensor.router.ports import Call
    from cortensor.router.tracing import Tracer

PATH = "/v1/chat/completions"
CHECK_TIMEOUT_S = 3.0
CONNECT_TIMEOUT_S = 10.0
HTTP_OK = 200
HTTP_TOO_MANY = 429
HTTP_SERVER_ERROR = 500
MODEL_CHARS = 200
DIGITS = 9
MAX_TOOL_CALLS = 32
EVENT_STREAM = "text/event-stream"
EVENT_OVERHEAD = 64
STREAM_HEADERS = {"Content-Type": "application/json", "Accept": EVENT_STREAM}
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
        self._http: aiohttp.ClientSession | None = None
        self._streams: aiohttp.ClientSession | None = None
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
        """Open the connection pool."""
        self._http = self._session(force_close=False)
        # Servers close the connection after a stream without saying so: none is used again.
        self._streams = self._session(force_close=True)

    def _session(self, *, force_close: bool) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            # Concurrency is bounded per compute session.
            connector=aiohttp.TCPConnector(limit=0, force_close=force_close),
        )

    async def close(self) -> None:
        """Close all connections."""
        for session in (self._http, self._streams):
            if session is not None:
                await session.close()
        self._http = self._streams = None

    async def check(self) -> None:
        """Return if the server answers at all.

        Raises:
            Unavailable: it does not.
        """
        timeout = aiohttp.ClientTimeout(total=CHECK_TIMEOUT_S)
        try:
            async with self._client().get(self.root + "/v1/models", timeout=timeout) as reply:
                if reply.status >= HTTP_SERVER_ERROR:
                    raise Unavailable(f"answers {reply.status}", code="backend_unavailable")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable("does not answer", code="backend_unavailable") from error

    async def complete(self, call: Call) -> Completion:
        """Run one prompt.

        Raises:
            BackendError: no usable answer; the reason says why.
        """
        url = self.root + PATH
        try:
            async with self._client().post(
                url,
                data=msgspec.json.encode(self._body(call)),
                headers={"Content-Type": "application/json", **self._tracer.headers()},
                allow_redirects=False,
            ) as reply:
                raw = await _read(reply.content, self._config.max_response_bytes)
                if reply.status != HTTP_OK:
                    raise _refusal(reply.status, raw, reply.headers.get("Retry-After"))
        except (aiohttp.ClientError, OSError) as error:
            raise BackendError("unreachable") from error
        return self._completion(call, raw)

    async def stream(self, call: Call, on_text: Callable[[str], None]) -> Completion:
        """Run one prompt as a stream; a server that does not stream gives one piece.

        Raises:
            BackendError: no whole answer; the reason says why.
        """
        pieces = Pieces()
        asked = {**self._body(call), "stream": True, "stream_options": {"include_usage": True}}
        try:
            async with self._client(streams=True).post(
                self.root + PATH,
                data=msgspec.json.encode(asked),
                headers={**STREAM_HEADERS, **self._tracer.headers()},
                allow_redirects=False,
            ) as reply:
                whole = await self._pieces(call, reply, pieces, on_text)
        except (aiohttp.ClientError, OSError) as error:
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
        reply: aiohttp.ClientResponse,
        pieces: Pieces,
        on_text: Callable[[str], None],
    ) -> Completion | None:
        """Read a stream into `pieces`; return the answer of a server that does not stream."""
        limit = self._config.max_response_bytes
        if reply.status != HTTP_OK:
            raw = await _read(reply.content, limit)
            raise _refusal(reply.status, raw, reply.headers.get("Retry-After"))
        if reply.content_type != EVENT_STREAM:
            whole = self._completion(call, await _read(reply.content, limit))
            on_text(whole.text)
            return whole
        # An event is many times its piece of text, so the limit is on the text's scale.
        async for data in events(reply.content.iter_any(), limit * EVENT_OVERHEAD):
            text = pieces.add(data)
            if text:
                on_text(text)
        return None

    def _client(self, *, streams: bool = False) -> aiohttp.ClientSession:
        found = self._streams if streams else self._http
        if found is None:
            raise Unavailable("the backend was not started", code="backend_unavailable")
        return found

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


async def _read(stream: aiohttp.StreamReader, limit: int) -> bytes:
    data = bytearray()
    async for chunk in stream.iter_any():
        data += chunk
        if len(data) > limit:
            raise BackendError("response_too_large")
    return bytes(data)


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
