# SPDX-License-Identifier: Apache-2.0
"""Less of a bundle for a reader who needs less: parts left out, large texts put beside it.

What is left still verifies, because the receipt commits to each part with a salt of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from cortensor.errors import InvalidInput
from cortensor.receipts.bundle import SECOND_FORMAT, Bundle, Detached
from cortensor.receipts.keccak import keccak256, to_hex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

REQUEST = "request"
REPLICA = "replica:"


def parts_of(bundle: Bundle) -> list[str]:
    """Return the parts that a bundle shows, such as `request` and `replica:0`."""
    shown = [f"{REPLICA}{item.replica.index}" for item in bundle.evidence]
    return shown if bundle.request is None else [REQUEST, *shown]


def disclose(bundle: Bundle, *, show: Iterable[str] = (), hide: Iterable[str] = ()) -> Bundle:
    """Return a bundle with fewer parts.

    Args:
        bundle: what is known.
        show: parts to keep; by default all.
        hide: parts to leave out.

    Raises:
        InvalidInput: a part that the bundle does not show.
    """
    shown, kept, hidden = parts_of(bundle), set(show), set(hide)
    for part in sorted(kept | hidden):
        if part not in shown:
            raise InvalidInput(f"{part!r} is none of {', '.join(shown)}", field="part")
    left = (kept or set(shown)) - hidden
    return msgspec.structs.replace(
        bundle,
        request=bundle.request if REQUEST in left else None,
        evidence=[item for item in bundle.evidence if f"{REPLICA}{item.replica.index}" in left],
    )


def in_second_format(bundle: Bundle) -> Bundle:
    """Return a bundle in format 2, which has room for more."""
    return msgspec.structs.replace(
        bundle,
        format=SECOND_FORMAT,
        revocation=None if bundle.revocation is UNSET else bundle.revocation,
        signed_by="key" if bundle.signed_by is UNSET else bundle.signed_by,
    )


def name_of(text: str) -> str:
    """Return what a text beside a bundle is called: the hash of its UTF-8, 0x hex."""
    return to_hex(keccak256(text.encode(errors="replace")))


def detach(bundle: Bundle, over_bytes: int) -> tuple[Bundle, dict[str, str]]:
    """Take large texts out of a bundle.

    Args:
        bundle: what is known.
        over_bytes: texts whose UTF-8 has more bytes are taken out.

    Returns:
        The bundle, in format 2 if there were any, and the texts by the hash of their UTF-8.
    """
    texts: dict[str, str] = {}

    def taken(text: str | Detached | None) -> str | Detached | None:
        if not isinstance(text, str) or len(text.encode()) <= over_bytes:
            return text
        name = name_of(text)
        texts[name] = text
        return Detached(keccak256=name)

    made = _with_texts(in_second_format(bundle), taken)
    return (made, texts) if texts else (bundle, {})


def attach(bundle: Bundle, texts: Mapping[str, str]) -> Bundle:
    """Put texts back where a bundle refers to them by hash; those not given stay beside it.

    Raises:
        InvalidInput: a text has another hash than its name.
    """
    for name in bundle.detached():
        if name in texts and name_of(texts[name]) != name:
            raise InvalidInput("has another hash than its name", field=name)

    def found(text: str | Detached | None) -> str | Detached | None:
        return texts.get(text.keccak256, text) if isinstance(text, Detached) else text

    return _with_texts(bundle, found)


def _with_texts(
    bundle: Bundle, change: Callable[[str | Detached | None], str | Detached | None]
) -> Bundle:
    """Return a bundle with each of its long texts changed: the answers, and the request."""
    evidence = [
        msgspec.structs.replace(
            item, replica=msgspec.structs.replace(item.replica, output=change(item.replica.output))
        )
        for item in bundle.evidence
    ]
    request = bundle.request
    if request is not None:
        request = msgspec.structs.replace(request, canonical=change(request.canonical))
    return msgspec.structs.replace(bundle, evidence=evidence, request=request)
