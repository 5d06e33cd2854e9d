# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of the ERC-8004 registries, canonical or ours: the ABI is the same.

Methods that end in `_data` return calldata, to be sent by whoever acts for the agent, the client or
the validator. Hashes are 0x hex of 32 bytes; agent ids count from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from web3 import Web3
from web3.logs import DISCARD

from cortensor.chain.erc8004 import IDENTITY, REPUTATION, VALIDATION
from cortensor.chain.logs import EventSource
from cortensor.chain.rpc import contract, latest_block, node_errors
from cortensor.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOBODY = "0x" + "00" * 20
NO_HASH = "0x" + "00" * 32


class ValidationStatus(Struct, frozen=True):
    """A validation request and its last answer; `updated_at` in unix seconds.

    The registry does not say whether there was an answer: `is_answered` is False only where
    verdict, hash and tag are all empty, which an answer of this package never is.
    """

    validator: str
    agent_id: int
    verdict: int
    response_hash: str
    tag: str
    updated_at: int

    @property
    def is_answered(self) -> bool:
        """Whether there is an answer, as far as the registry's view tells."""
        return bool(self.verdict or self.tag or self.response_hash != NO_HASH)


class ValidationRequest(Struct, frozen=True):
    """A request as its event tells it: `uri` leads to what is to be validated.

    `request_hash` is its key in the registry, 32 bytes.
    """

    agent_id: int
    uri: str
    request_hash: bytes
    block: int

    @property
    def key(self) -> str:
        """The key as 0x hex."""
        return "0x" + self.request_hash.hex()


class Feedback(Struct, frozen=True):
    """One feedback: `value / 10**decimals` is the rating; `index` counts a client's from 1."""

    client: str
    index: int
    value: int
    decimals: int
    tag1: str
    tag2: str
    is_revoked: bool


class IdentityRegistry:
    """The identity registry at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, IDENTITY, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def owner(self, agent_id: int) -> str:
        """Return who owns an agent.

        Raises:
            Conflict: there is no such agent.
        """
        with node_errors("owner of the agent"):
            return str(self._contract.functions.ownerOf(agent_id).call())

    def uri(self, agent_id: int) -> str:
        """Return where an agent's registration file is; may be empty.

        Raises:
            Conflict: there is no such agent.
        """
        with node_errors("the agent's URI"):
            return str(self._contract.functions.tokenURI(agent_id).call())

    def wallet(self, agent_id: int) -> str | None:
        """Return an agent's wallet, or None, as after every sale."""
        with node_errors("the agent's wallet"):
            found = str(self._contract.functions.getAgentWallet(agent_id).call())
        return None if found == NOBODY else found

    def may_act(self, spender: str, agent_id: int) -> bool:
        """Return whether an account is an agent's owner, operator, or approved for it.

        Raises:
            Conflict: there is no such agent.
        """
        with node_errors("who acts for the agent"):
            call = self._contract.functions.isAuthorizedOrOwner(_address(spender), agent_id)
            return bool(call.call())

    def count(self, owner: str) -> int:
        """Return how many agents an account owns."""
        with node_errors("agents of an account"):
            return int(self._contract.functions.balanceOf(_address(owner)).call())

    def approved(self, agent_id: int) -> str:
        """Return who is approved for an agent; the zero address for nobody.

        Raises:
            Conflict: there is no such agent.
        """
        with node_errors("approved account"):
            return str(self._contract.functions.getApproved(agent_id).call())

    def registered(self, owner: str, first: int, last: int) -> list[int]:
        """Return the ids of the agents that an account registered in blocks, oldest first."""
        topic = "0x" + _address(owner)[2:].lower().rjust(64, "0")
        source = EventSource(self._contract.w3, [(self._contract, ["Registered"])], topic)
        return [int(event["args"]["agentId"]) for event in source.between(first, last)]

    def approve_data(self, spender: str, agent_id: int) -> str:
        """Return the calldata that lets a contract act for one agent."""
        return str(self._contract.encode_abi("approve", args=[_address(spender), agent_id]))

    def register_data(self, uri: str, metadata: Mapping[str, bytes] | None = None) -> str:
        """Return the calldata that mints an agent to the sender."""
        entries = list((metadata or {}).items())
        # By its whole signature: there are three of this name.
        name = "register(string,(string,bytes)[])"
        return str(self._contract.encode_abi(name, args=[uri, entries]))

    def set_agent_uri_data(self, agent_id: int, uri: str) -> str:
        """Return the calldata that says where an agent's registration file is now."""
        return str(self._contract.encode_abi("setAgentURI", args=[agent_id, uri]))

    def approve_operator_data(self, operator: str, *, is_allowed: bool = True) -> str:
        """Return the calldata that lets a contract act for the sender's agents, or stops it."""
        arguments = [_address(operator), is_allowed]
        return str(self._contract.encode_abi("setApprovalForAll", args=arguments))

    def registered_id(self, receipt: Any) -> int:
        """Return the id of the agent that a transaction registered.

        Args:
            receipt: the node's receipt.

        Raises:
            NotFound: it registered none here.
        """
        for event in self._contract.events.Registered().process_receipt(receipt, errors=DISCARD):
            if event["address"] == self.address:
                return int(event["args"]["agentId"])
        raise NotFound("the transaction registered no agent", field="receipt")


class ReputationRegistry:
    """The reputation registry at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, REPUTATION, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def all_feedback(
        self,
        agent_id: int,
        clients: Sequence[str] = (),
        *,
        tag1: str = "",
        tag2: str = "",
        include_revoked: bool = False,
    ) -> list[Feedback]:
        """Return an agent's feedback; of everybody where no clients are named.

        Raises:
            Conflict: more than a view returns (ours: 1,024); name clients.
        """
        named = [_address(client) for client in clients]
        with node_errors("feedback"):
            columns = self._contract.functions.readAllFeedback(
                agent_id, named, tag1, tag2, include_revoked
            ).call()
        return [Feedback(*row) for row in zip(*columns, strict=True)]

    def give_feedback_data(
        self,
        agent_id: int,
        value: int,
        decimals: int = 0,
        *,
        tag1: str = "",
        tag2: str = "",
        endpoint: str = "",
        uri: str = "",
        file_hash: str = NO_HASH,
    ) -> str:
        """Return the calldata that rates an agent `value / 10**decimals`."""
        return str(
            self._contract.encode_abi(
                "giveFeedback",
                args=[agent_id, value, decimals, tag1, tag2, endpoint, uri, _word(file_hash)],
            )
        )


class ValidationRegistry:
    """The validation registry at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, VALIDATION, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def identity(self) -> str:
        """Return the identity registry that it stands beside."""
        with node_errors("identity registry"):
            return str(self._contract.functions.getIdentityRegistry().call())

    def requests(self, validator: str, first: int, last: int) -> Iterator[ValidationRequest]:
        """Yield what was asked of a validator in blocks, oldest first.

        A request whose URI is no text is left out: nothing can be behind it.
        """
        topic = "0x" + _address(validator)[2:].lower().rjust(64, "0")
        source = EventSource(
            self._contract.w3,
            [(self._contract, ["ValidationRequest"])],
            first_topic=topic,
        )
        for event in source.between(first, last):
            told = event["args"]
            yield ValidationRequest(
                agent_id=int(told["agentId"]),
                uri=str(told["requestURI"]),
                request_hash=bytes(told["requestHash"]),
                block=int(event["blockNumber"]),
            )

    def response_uri(self, key: str, response_hash: str, first: int) -> str | None:
        """Return the URI of the last answer to a request with a hash, or None.

        Args:
            key: the request's.
            response_hash: the answer's.
            first: the block to begin with; the registry keeps URIs in its log alone.
        """
        source = EventSource(
            self._contract.w3,
            [(self._contract, ["ValidationResponse"])],
            third_topic=key,
        )
        found = None
        for event in source.between(first, latest_block(self._contract.w3)):
            if "0x" + bytes(event["args"]["responseHash"]).hex() == response_hash:
                found = str(event["args"]["responseURI"])
        return found

    def latest_answered(self, agent_id: int, validator: str) -> tuple[str, ValidationStatus] | None:
        """Return the newest request of an agent that a validator answered, and its answer.

        Raises:
            Conflict: more requests than a view returns (ours: 1,024).
        """
        with node_errors("validations of the agent"):
            function = self._contract.get_function_by_signature("getAgentValidations(uint256)")
            keys = function(agent_id).call()
        wanted = _address(validator)
        for key in reversed(keys):
            name = "0x" + bytes(key).hex()
            found = self.status(name)
            if found.validator == wanted and found.is_answered:
                return name, found
        return None

    def status(self, request_hash: str) -> ValidationStatus:
        """Return a request and its last answer.

        Raises:
            Conflict: nobody asked that.
        """
        with node_errors("validation status"):
            call = self._contract.functions.getValidationStatus(_word(request_hash))
            validator, agent_id, verdict, answer, tag, updated_at = call.call()
        return ValidationStatus(
            validator=str(validator),
            agent_id=int(agent_id),
            verdict=int(verdict),
            response_hash="0x" + bytes(answer).hex(),
            tag=str(tag),
            updated_at=int(updated_at),
        )

    def request_data(self, validator: str, agent_id: int, uri: str, request_hash: str) -> str:
        """Return the calldata that asks a validator for its verdict."""
        arguments = [_address(validator), agent_id, uri, _word(request_hash)]
        return str(self._contract.encode_abi("validationRequest", args=arguments))

    def response_data(
        self, request_hash: str, verdict: int, uri: str, response_hash: str, tag: str
    ) -> str:
        """Return the calldata that answers a request, 0 (failed) to 100 (passed)."""
        arguments = [_word(request_hash), verdict, uri, _word(response_hash), tag]
        return str(self._contract.encode_abi("validationResponse", args=arguments))


def _address(text: str) -> str:
    return str(Web3.to_checksum_address(text))


def _word(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
