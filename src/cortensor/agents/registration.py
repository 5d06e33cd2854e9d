# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: N815, TC003 -- the names are ERC-8004's; msgspec reads the annotations
"""The registration file of an ERC-8004 agent: read, checked, written. Pure.

What it must have is in the EIP's section on registration files; `docs/spec/agents.md` has an
example. Members that the EIP does not know are kept: others may read them.
"""

from __future__ import annotations

import base64
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from cortensor.errors import InvalidInput
from cortensor.receipts.body import split_message
from cortensor.receipts.canonical import load_json

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPE = "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
DATA_PREFIX = "data:application/json;base64,"
MAX_FILE_BYTES = 64 * 1024
MAX_URI_BYTES = 8192
"""What our registries take as a URI."""

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9-]*)\}")

Text = Annotated[str, Meta(min_length=1, max_length=2048)]


class Service(Struct, frozen=True):
    """Where an agent can be met: `name` is web, A2A, MCP, OASF, ENS, DID, email or one's own."""

    name: Text
    endpoint: Text
    version: str | None = None


class RegisteredAs(Struct, frozen=True):
    """An identity that the agent has: its id in a registry, `eip155:<chain id>:<address>`."""

    agentId: Annotated[int, Meta(ge=0)]
    agentRegistry: Annotated[str, Meta(pattern="^eip155:[0-9]{1,32}:0x[0-9a-fA-F]{40}$")]


class OwnApi(Struct, frozen=True):
    """Where the router behind an agent is: its API (`…/api/v4`), and its receipts for people.

    A member of ours beside `services`, since widespread clients refuse a file with a service whose
    name they do not know.
    """

    api: Text
    receipts: Text | None = None


class _File(Struct, frozen=True):
    """What is checked; the data itself is kept as it was read."""

    type: Literal["https://eips.ethereum.org/EIPS/eip-8004#registration-v1"]
    name: Text
    description: Text
    image: str
    services: list[Service]
    x402Support: bool = False
    active: bool = True
    registrations: list[RegisteredAs] = field(default_factory=list)
    supportedTrust: list[Text] = field(default_factory=list)
    cortensor: OwnApi | None = None


class Registration:
    """A registration file that holds.

    Args:
        data: its JSON data.

    Raises:
        InvalidInput: naming the member that breaks the EIP's rules.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        try:
            self._file = msgspec.convert(dict(data), _File)
        except msgspec.ValidationError as error:
            reason, where = split_message(str(error))
            raise InvalidInput(reason, field=where) from error
        names = [service.name for service in self._file.services]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidInput(f"{twice} is there twice", field="services")
        self.data = dict(data)

    @property
    def name(self) -> str:
        """The agent's name."""
        return self._file.name

    @property
    def services(self) -> list[Service]:
        """Where it can be met."""
        return self._file.services

    @property
    def own_api(self) -> OwnApi | None:
        """Where the router behind it is, if the file says so."""
        return self._file.cortensor

    @property
    def is_active(self) -> bool:
        """Whether it says that it works."""
        return self._file.active

    @property
    def supported_trust(self) -> list[str]:
        """By what others may trust it, such as `reputation`."""
        return self._file.supportedTrust

    def id_in(self, registry: str) -> int | None:
        """Return the agent's id in a registry (`eip155:…`), or None if the file names none."""
        for entry in self._file.registrations:
            if entry.agentRegistry.lower() == registry.lower():
                return entry.agentId
        return None

    def named(self, registry: str, agent_id: int) -> Registration:
        """Return the file with the agent's id in a registry filled in."""
        others = [
            entry
            for entry in self.data.get("registrations", [])
            if entry["agentRegistry"].lower() != registry.lower()
        ]
        entry = {"agentId": agent_id, "agentRegistry": registry}
        return Registration({**self.data, "registrations": [*others, entry]})

    def text(self) -> bytes:
        """Return the file's bytes: JSON, members in the order given."""
        return msgspec.json.encode(self.data)

    def data_uri(self) -> str:
        """Return the whole file as a URI.

        Raises:
            InvalidInput: it is too long for a registry.
        """
        uri = DATA_PREFIX + base64.b64encode(self.text()).decode()
        if len(uri) > MAX_URI_BYTES:
            raise InvalidInput(
                f"has {len(uri)} bytes as a data: URI, {MAX_URI_BYTES} are taken; serve it, and"
                " give its address",
                field="file",
            )
        return uri


def read_registration(path: Path, endpoints: Mapping[str, str] | None = None) -> Registration:
    """Return the registration in a JSON or TOML file.

    Args:
        path: `.toml`, or anything else for JSON.
        endpoints: addresses that take the place of `{name}` in endpoints and the image.

    Raises:
        InvalidInput: it cannot be read or does not hold, or a placeholder has no address.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read: {error.strerror}", field=str(path)) from error
    if len(raw) > MAX_FILE_BYTES:
        raise InvalidInput(f"exceeds {MAX_FILE_BYTES} bytes", field=str(path))
    try:
        data = tomllib.loads(raw.decode()) if path.suffix == ".toml" else load_json(raw)
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidInput(f"is neither JSON nor TOML: {error}", field=str(path)) from error
    if not isinstance(data, dict):
        raise InvalidInput("must be an object", field=str(path))
    return Registration(_filled(data, endpoints or {}))


def from_data_uri(uri: str) -> bytes | None:
    """Return what a data: URI holds, or None for another kind of URI.

    Raises:
        InvalidInput: it is no data: URI that can be read.
    """
    if not uri.startswith("data:"):
        return None
    head, comma, body = uri.partition(",")
    if not comma:
        raise InvalidInput("is no data: URI", field="uri")
    try:
        if head.endswith(";base64"):
            return base64.b64decode(body, validate=True)
        return unquoted(body)
    except ValueError as error:
        raise InvalidInput(f"is no data: URI: {error}", field="uri") from error


def unquoted(text: str) -> bytes:
    """Return the bytes of percent-encoded text. Raises ValueError."""
    raw = text.encode("ascii")
    parts = raw.split(b"%")
    return parts[0] + b"".join(bytes.fromhex(part[:2].decode()) + part[2:] for part in parts[1:])


def _filled(data: dict[str, Any], endpoints: Mapping[str, str]) -> dict[str, Any]:
    def fill(value: object, where: str) -> object:
        if not isinstance(value, str):
            return value
        for name in _PLACEHOLDER.findall(value):
            if name not in endpoints:
                raise InvalidInput(
                    f"needs an address for {{{name}}}: give --endpoint {name}=URL", field=where
                )
            value = value.replace(f"{{{name}}}", endpoints[name].rstrip("/"))
        return value

    filled = dict(data)
    if "image" in filled:
        filled["image"] = fill(filled["image"], "image")
    own = filled.get("cortensor")
    if isinstance(own, dict):
        filled["cortensor"] = {name: fill(each, f"cortensor.{name}") for name, each in own.items()}
    services = filled.get("services")
    if isinstance(services, list):
        filled["services"] = [
            {**each, "endpoint": fill(each.get("endpoint"), f"services[{number}].endpoint")}
            if isinstance(each, dict)
            else each
            for number, each in enumerate(services)
        ]
    return filled
