# SPDX-License-Identifier: Apache-2.0
"""Two agents from their registration to answers that third-party clients read, on a real node."""

from __future__ import annotations

import pytest

from cortensor.agents.fetching import Reach, read_uri
from cortensor.agents.registration import Registration
from cortensor.receipts.canonical import load_json
from tests.ape.agents.world import register, running_world

pytestmark = [pytest.mark.anvil, pytest.mark.model, pytest.mark.slow]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running_world(tmp_path_factory.mktemp("agents")) as found:
        yield found


def test_agents_register_from_their_files_once(world):
    assert world.agents == {"corgent": 0, "bardiel": 1}
    for name, agent_id in world.agents.items():
        uri = world.place.identity.uri(agent_id)
        file = Registration(load_json(read_uri(uri, Reach())))
        assert file.id_in(world.place.registry_name) == agent_id
        before = world.place.head()
        again = register(name, world.router.url, world.here, world.owner)
        assert again["agent_id"] == agent_id
        assert again["done"][0] == f"already registered as {agent_id}"
        assert world.place.head() == before


def test_a_request_on_the_chain_is_answered_by_a_receipt(world):
    service = world.serve()
    try:
        request = world.ask("corgent", "Water is wet.")
        event = service.until("answered", request)
    finally:
        assert service.stop() == 0
    status = world.place.validation().status(request)
    assert status.response_hash == event["receipt_id"]
    assert status.verdict == event["score"]
    assert status.tag == "receipt/v4:majority:third-party"
