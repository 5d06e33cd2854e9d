# SPDX-License-Identifier: Apache-2.0
"""What is said of an address that does not answer: which it was and why, and nothing secret.

The texts of HTTP libraries hold whole URLs, with keys and passwords; none of them is passed on.
"""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

NO_CONNECTION = "the connection failed"
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "unknown host"),
    (TimeoutError, "timed out"),
    (ssl.SSLCertVerificationError, "its certificate is not valid"),
    (ssl.SSLError, "it speaks no TLS"),
    (ConnectionError, "connection closed"),
)


def nobody_answers(url: str | None, error: BaseException) -> str:
    """Return that nobody answers, where and why.

    Args:
        url: what was asked, None where that is not known; only its origin is told.
        error: what a transport raised; the class of whatever caused it is the reason.
    """
    return f"nobody answers at {origin_of(url) if url else 'its address'} ({_reason(error)})"


def origin_of(url: str) -> str:
    """Return a URL's scheme, host and port: a user, a path or a query may be a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "its address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _reason(error: BaseException) -> str:
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        for kind, reason in _REASONS:
            if isinstance(cause, kind):
                return reason
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return NO_CONNECTION
