# SPDX-License-Identifier: Apache-2.0
"""The table of the configuration that says where replicas run."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from cortensor.errors import InvalidInput

Positive = Annotated[int, Meta(ge=1)]
ModelName = Annotated[str, Meta(min_length=1, max_length=200)]  # as receipts take it


class BackendConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Where replicas run.

    `embedded` loads the packaged GGUF (or `model_path`) in a child process; `openai` calls any
    OpenAI-compatible server at `base_url` (the part before `/v1/chat/completions`, with or
    without the `/v1`).
    """

    kind: Literal["embedded", "openai"]
    base_url: str | None = None
    model: ModelName | None = None
    api_key_env: str | None = None
    model_path: str | None = None
    model_digest: str | None = None
    context_tokens: Annotated[int, Meta(ge=256, le=131072)] = 2048
    threads: Annotated[int, Meta(ge=1, le=256)] = 1
    max_response_bytes: Positive = 1 << 20
    start_timeout_s: Positive = 120


def check_backend(backend: BackendConfig, *, names_models: bool) -> None:
    """Refuse a backend that could not be called.

    Args:
        backend: the table.
        names_models: whether each compute session names its model itself.

    Raises:
        InvalidInput: its URL or model is missing, is of no use, or is not for its kind.
    """
    if backend.kind == "openai":
        if backend.base_url is None:
            raise InvalidInput("an openai backend needs a URL", field="backend.base_url")
        if not _is_root(backend.base_url):
            wanted = "must be an http(s) URL without user, query and fragment"
            raise InvalidInput(wanted, field="backend.base_url")
        if backend.model is None and not names_models:
            raise InvalidInput("an openai backend needs a model name", field="backend.model")
    elif backend.base_url is not None:
        raise InvalidInput("an embedded backend has no base_url", field="backend.base_url")


def _is_root(url: str) -> bool:
    """Return whether paths can be appended to a URL."""
    try:
        at = urlsplit(url)
        is_server = at.scheme in {"http", "https"} and at.hostname and at.port != 0
    except ValueError:
        return False
    return bool(is_server) and not (at.username or at.query or at.fragment)
