# SPDX-License-Identifier: Apache-2.0
"""What a stranger's request may make us fetch, and by what its payload is bound to it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from cortensor.agents.fetching import Reach, read_uri
from cortensor.agents.requests import read_request
from cortensor.chain.erc8004_registries import ValidationRequest
from cortensor.errors import InvalidInput, Unavailable
from cortensor.receipts.keccak import keccak256

if TYPE_CHECKING:
    from tests.python.agents.hosting import Host

PAYLOAD = json.dumps(
    {"type": "cortensor-validation/1", "kind": "claim", "claim": "Water is wet."}
).encode()
OPEN = Reach(allow_private=True, timeout_s=5.0)


def request(uri: str, key: bytes = b"\1" * 32) -> ValidationRequest:
    return ValidationRequest(0, uri, key, 1)


def inline(raw: bytes) -> str:
    return "data:application/json;base64," + base64.b64encode(raw).decode()


def test_a_key_that_is_the_payloads_hash_binds_it(host: Host) -> None:
    host.pages["/p"] = PAYLOAD
    found = read_request(request(f"{host.url}/p", keccak256(PAYLOAD)), OPEN)
    assert (found.bound, found.payload.tier) == ("hash", None)
    assert read_request(request(f"{host.url}/p"), OPEN).bound == "none"
    assert read_request(request(inline(PAYLOAD)), Reach()).bound == "uri"
    assert read_request(request(inline(PAYLOAD), keccak256(PAYLOAD)), Reach()).bound == "hash"


def test_nothing_private_is_fetched_unless_it_is_allowed(host: Host) -> None:
    for uri in (host.url, "http://localhost:1/", "http://[::1]/", "http://169.254.169.254/latest"):
        with pytest.raises(Unavailable, match="private") as refused:
            read_uri(uri, Reach())
        assert refused.value.code == "unreachable"
    assert host.asked == []


def test_redirects_stay_on_their_host(host: Host) -> None:
    host.pages["/there"] = b"{}"
    host.moved["/here"] = "/there"
    host.moved["/away"] = host.url.replace("127.0.0.1", "localhost") + "/there"
    assert read_uri(f"{host.url}/here", OPEN) == b"{}"
    with pytest.raises(Unavailable, match="another host"):
        read_uri(f"{host.url}/away", OPEN)
    assert host.asked == ["/here", "/there", "/away"]


def test_size_and_time_are_bounded(host: Host) -> None:
    host.pages |= {"/large": b"x" * 2000, "/slow": b"{}"}
    host.slow["/slow"] = 1.0
    with pytest.raises(Unavailable, match="2000 bytes"):
        read_uri(f"{host.url}/large", Reach(max_bytes=1000, allow_private=True))
    with pytest.raises(Unavailable, match="too long"):
        read_uri(f"{host.url}/slow", Reach(timeout_s=0.2, allow_private=True))
    with pytest.raises(InvalidInput, match="exceeds 10"):
        read_uri(inline(b"x" * 11), Reach(max_bytes=10))


def test_ipfs_goes_through_a_gateway_if_there_is_one(host: Host) -> None:
    host.pages["/ipfs/bafy/p.json"] = b"{}"
    through = Reach(allow_private=True, ipfs_gateway=host.url + "/")
    assert read_uri("ipfs://bafy/p.json", through) == b"{}"
    with pytest.raises(InvalidInput, match="no gateway"):
        read_uri("ipfs://bafy/p.json", OPEN)
    with pytest.raises(Unavailable):
        read_uri("ipfs://../secret?x=1#y", through)
    assert "?" not in host.asked[-1]


@pytest.mark.parametrize(
    "uri", ["", "file:///etc/passwd", "gopher://x", "data:", "data:;base64,%%", "x" * 9000]
)
def test_what_can_never_be_read_is_said_to_be_so(uri: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_uri(uri, OPEN)
    assert refused.value.code == "bad_uri"
