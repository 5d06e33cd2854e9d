# SPDX-License-Identifier: Apache-2.0
"""What is behind a URI that a stranger wrote on a chain: bounded, and nothing private.

`data:` is read as it is. http(s) is fetched from public addresses only, without redirects to
another host. `ipfs://` goes through a gateway, where one is configured; nobody checks its hash
here but by the request's key.
"""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct

from cortensor.agents.registration import from_data_uri
from cortensor.errors import InvalidInput, Unavailable
from cortensor.watch.fetch import FetchLimits, fetch

IPFS = "ipfs://"
MAX_URI_CHARS = 8192


class Reach(Struct, frozen=True, forbid_unknown_fields=True):
    """What may be fetched, and how much.

    Attributes:
        max_bytes: of one document.
        timeout_s: of one fetch, redirects included.
        allow_private: whether this machine and private networks may be reached.
        ipfs_gateway: an http(s) address before `/ipfs/…`; None refuses `ipfs://`.
    """

    max_bytes: int = 64 * 1024
    timeout_s: float = 10.0
    allow_private: bool = False
    ipfs_gateway: str | None = None


def read_uri(uri: str, reach: Reach) -> bytes:
    """Return the bytes behind a URI.

    Raises:
        InvalidInput: it can never be read: `bad_uri`.
        Unavailable: it cannot be had now: `unreachable`.
    """
    if len(uri) > MAX_URI_CHARS:
        raise InvalidInput(f"has more than {MAX_URI_CHARS} characters", field="uri", code="bad_uri")
    try:
        inline = from_data_uri(uri)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field="uri", code="bad_uri") from error
    if inline is not None:
        if len(inline) > reach.max_bytes:
            raise InvalidInput(f"exceeds {reach.max_bytes} bytes", field="uri", code="bad_uri")
        return inline
    url = _url(uri, reach.ipfs_gateway)
    limits = FetchLimits(
        max_bytes=reach.max_bytes,
        timeout_s=reach.timeout_s,
        is_private_allowed=reach.allow_private,
        is_host_kept=True,
    )
    try:
        return fetch(url, limits)
    except Unavailable as error:
        raise Unavailable(error.reason, field="uri", code="unreachable") from error


def _url(uri: str, gateway: str | None) -> str:
    if uri.startswith(("http://", "https://")):
        return uri
    if uri.startswith(IPFS):
        if gateway is None:
            raise InvalidInput("is on IPFS, and no gateway is set", field="uri", code="bad_uri")
        return f"{gateway.rstrip('/')}/ipfs/{quote(uri.removeprefix(IPFS), safe='/')}"
    raise InvalidInput(
        "only data:, http, https and ipfs URIs are read", field="uri", code="bad_uri"
    )
