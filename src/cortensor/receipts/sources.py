# SPDX-License-Identifier: Apache-2.0
"""Where a bundle comes from: a file, a router's URL, or an id that a router knows."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from cortensor.errors import InvalidInput
from cortensor.receipts.bundle import MAX_BUNDLE_BYTES
from cortensor.receipts.canonical import URN_PREFIX, load_json

BODIES = ".bodies"
"""Ends the name of the folder with the texts beside a file: `receipt.json.bodies/0x….txt`."""
TIMEOUT_S = 30

_ID = re.compile(r"0x[0-9a-f]{64}")
_RECEIPT_PATH = re.compile(r"https?://[^?#]*/api/v4/receipt/[^/?#]+")


class Router(NamedTuple):
    """Where ids are looked up, and the grant of the session they are of."""

    url: str | None = None
    grant: str | None = None


def url_of(source: str, router: Router) -> str | None:
    """Return the URL that a source stands for, or None for a file.

    Raises:
        InvalidInput: an id, and no router to ask.
    """
    if source.startswith(("http://", "https://")):
        return f"{source}?bundle=1" if _RECEIPT_PATH.fullmatch(source) else source
    identifier = source.removeprefix(URN_PREFIX)
    if _ID.fullmatch(identifier) is None:
        if source.startswith(URN_PREFIX):
            raise InvalidInput("is no receipt's name", field=source)
        return None
    if router.url is None:
        raise InvalidInput("needs --router URL to look it up", field=source)
    return f"{router.url.rstrip('/')}/api/v4/receipt/{identifier}?bundle=1"


def read_source(source: str, router: Router) -> object:
    """Return the JSON data of a source.

    Raises:
        InvalidInput: it cannot be read, or is no JSON that a receipt can be in.
        Unavailable: the router does not give it.
    """
    url = url_of(source, router)
    data = _read_file(source) if url is None else _fetch(url, router.grant)
    if len(data) > MAX_BUNDLE_BYTES:
        raise InvalidInput(f"exceeds {MAX_BUNDLE_BYTES} bytes", field=source)
    try:
        return load_json(data)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=source) from error


def texts_beside(source: str, names: tuple[str, ...], router: Router) -> dict[str, str]:
    """Return texts by hash: those in the folder beside a file, or what a router has.

    Raises:
        Unavailable: the router does not give one.
    """
    url = url_of(source, router)
    if url is not None:
        path = url.partition("?")[0]
        if _RECEIPT_PATH.fullmatch(path) is None:
            return {}  # a bundle that is published as a file, by whoever it is
        different = dict.fromkeys(names)  # replicas that agree may have one text
        asked = {name: _fetch(f"{path}/text/{name}", router.grant) for name in different}
        return {name: data.decode(errors="replace") for name, data in asked.items()}
    folder = Path(source + BODIES)
    found = {}
    for name in names:
        file = folder.joinpath(f"{name}.txt")
        if file.is_file():
            found[name] = file.read_bytes().decode(errors="replace")
    return found


def _read_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read: {error.strerror}", field=path) from error


def _fetch(url: str, grant: str | None) -> bytes:
    # Imported here: who verifies a file needs no network.
    module = import_module("cortensor.watch.fetch")
    # The reader names the address, so it may be one of their own network.
    limits = module.FetchLimits(
        max_bytes=MAX_BUNDLE_BYTES, timeout_s=TIMEOUT_S, is_private_allowed=True
    )
    data: bytes = module.fetch(url, limits, grant)
    return data
