# SPDX-License-Identifier: Apache-2.0
"""setAgentURI and metadata: who writes them, and what is kept."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.fresh import deploy_fresh
from tests.contracts.profile import examples
from tests.contracts.raw_events import assert_event, events

WALLET_KEY = "agentWallet"
MAX_METADATA_BYTES = 1024


@pytest.fixture(params=["owner", "operator", "approved"])
def writer(request, acting):
    return acting[request.param]


def test_who_may_act_says_where_the_file_is(identity, agent, writer):
    identity.setAgentURI(agent, "ipfs://new", sender=writer)
    assert_event(identity, "MetadataUpdate", _tokenId=agent)
    assert_event(identity, "URIUpdated", agentId=agent, newURI="ipfs://new", updatedBy=writer)
    assert identity.tokenURI(agent) == "ipfs://new"


@pytest.mark.parametrize(
    "sizes", [(100, 10), (10, 100), (64, 0), (0, 33), (96, 97), (97, 96), (8192, 40), (33, 8192)]
)
def test_a_uri_is_replaced_whole(identity, agent, owner, sizes):
    for size in sizes:
        identity.setAgentURI(agent, "u" * size, sender=owner.address)
        assert identity.tokenURI(agent) == "u" * size


def test_who_may_act_keeps_metadata(identity, agent, writer):
    identity.setMetadata(agent, "model", b"small", sender=writer)
    (entry,) = events(identity, "MetadataSet")
    assert (entry["agentId"], entry["metadataKey"]) == (agent, "model")
    assert entry["metadataValue"] == b"small"
    assert identity.getMetadata(agent, "model") == b"small"
    assert identity.getMetadata(agent, "other") == b""


def test_the_topic_of_a_key_is_its_hash(identity, agent, owner):
    identity.setMetadata(agent, "model", b"small", sender=owner.address)
    (entry,) = events(identity, "MetadataSet")
    assert entry["indexedMetadataKey"] == keccak(text="model")


def test_inv_e2_nobody_else_writes(identity, agent, stranger):
    for call in (
        lambda: identity.setAgentURI(agent, "", sender=stranger),
        lambda: identity.setMetadata(agent, "k", b"", sender=stranger),
        lambda: identity.unsetAgentWallet(agent, sender=stranger),
        lambda: identity.setAgentWallet(agent, stranger, 0, b"", sender=stranger),
    ):
        with boa.reverts("Not authorized"):
            call()


def test_the_wallet_is_not_written_as_metadata(identity, agent, owner):
    with boa.reverts("reserved key"):
        identity.setMetadata(agent, WALLET_KEY, b"", sender=owner.address)
    # Another key, however alike.
    identity.setMetadata(agent, "AgentWallet", b"1", sender=owner.address)


def test_agents_do_not_share_metadata(identity, agent, owner):
    other = identity.register(sender=owner.address)
    identity.setMetadata(agent, "k", b"mine", sender=owner.address)
    assert identity.getMetadata(other, "k") == b""


HOSTILE = (
    bytes(97),
    b"\xef" * 200,  # which no code may begin with, EIP-3541
    b"\xff" * 8192,  # selfdestruct
    b"\x00" * 32 + b"\xfd" * 100,
)


@pytest.mark.parametrize("content", HOSTILE)
def test_what_is_kept_as_code_is_served_and_never_run(identity, agent, owner, content):
    if len(content) > MAX_METADATA_BYTES:
        # A string's bytes need not be text to a contract.
        data = identity.setAgentURI.prepare_calldata(agent, "u" * len(content))
        boa.env.execute_code(
            to_address=identity.address,
            sender=owner.address,
            data=data.replace(b"u" * len(content), content),
        )
        kept = boa.env.execute_code(
            to_address=identity.address, data=identity.tokenURI.prepare_calldata(agent)
        )
        assert content in kept.output
    else:
        identity.setMetadata(agent, "k", content, sender=owner.address)
        assert identity.getMetadata(agent, "k") == content


@pytest.mark.fuzz
def test_what_is_kept_is_what_is_read():
    """Short and long values, in any order, under keys of any length."""
    identity = deploy_fresh("erc8004/IdentityRegistry")
    owner = boa.env.generate_address()
    agent = identity.register(sender=owner)
    sizes = st.sampled_from((0, 1, 30, 31, 32, 33, 64, 95, 96, 97, 254, 255, 256, 1024))
    contents = sizes.flatmap(lambda size: st.binary(min_size=size, max_size=size))
    keys = st.text(st.characters(codec="ascii"), max_size=64).filter(lambda k: k != WALLET_KEY)

    @settings(max_examples=examples(20))
    @given(st.lists(st.tuples(st.sampled_from(("a", "b")), contents), max_size=6), keys, contents)
    def kept(writes, key, content):
        with boa.env.anchor():
            there = {}
            for name, value in [*writes, (key, content)]:
                identity.setMetadata(agent, name, value, sender=owner)
                there[name] = value
                for known, expected in there.items():
                    assert identity.getMetadata(agent, known) == expected

    kept()
