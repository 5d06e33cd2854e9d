# SPDX-License-Identifier: Apache-2.0
"""Which contracts a chain's agents are in: the registries, and our validator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.chain.agent_validator import CONTRACT, AgentValidator
from cortensor.chain.anchor import Anchor
from cortensor.chain.erc8004 import IDENTITY, VALIDATION, find_registries, own_addresses
from cortensor.chain.erc8004_registries import IdentityRegistry, ValidationRegistry
from cortensor.chain.rpc import connect, latest_block
from cortensor.chain.session_payment import SessionPayment
from cortensor.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Recorded(Struct, frozen=True):
    """What is read of a deployment record."""

    contract: str
    address: str
    block: int = 0


class Place:
    """The contracts of one chain; those that are not needed may be missing.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain, the preferred first.
        deployments: folder of deployment records; None takes the chain's canonical registries.
        validator: the AgentValidator's address, instead of the record's.

    Raises:
        InvalidInput: the folder is none.
        NotFound: the chain has no identity registry, canonical or recorded.
        Unavailable: the node does not answer.
    """

    def __init__(
        self,
        rpc_url: str | Sequence[str],
        deployments: Path | None = None,
        validator: str | None = None,
    ) -> None:
        self.rpc_url = rpc_url
        self.web3 = connect(rpc_url)
        own = {} if deployments is None else own_addresses(deployments)
        self.registries = find_registries(self.web3, own)
        self._records = {} if deployments is None else _records(deployments)
        self._validator = validator
        self.identity = IdentityRegistry(self.web3, self.registries.identity)

    @property
    def chain_id(self) -> int:
        """The chain's id."""
        return self.registries.chain_id

    @property
    def registry_name(self) -> str:
        """The identity registry as registration files name it: `eip155:<chain id>:<address>`."""
        return f"eip155:{self.chain_id}:{self.identity.address}"

    @property
    def first_block(self) -> int | None:
        """The block of our identity registry; None where it is not ours to know."""
        found = self._records.get(IDENTITY)
        if found is None or found.address.lower() != self.identity.address.lower():
            return None
        return found.block

    def validator(self) -> AgentValidator:
        """Return our validator.

        Raises:
            NotFound: none is recorded or named, or it stands beside another identity registry.
        """
        recorded = self._records.get(CONTRACT)
        address = self._validator or (recorded.address if recorded else None)
        if address is None:
            raise NotFound(
                "no AgentValidator is recorded or named", field="validator", code="no_validator"
            )
        found = AgentValidator(self.web3, address)
        beside = ValidationRegistry(self.web3, found.registry()).identity()
        if beside.lower() != self.identity.address.lower():
            raise NotFound(
                f"{address} answers beside identity registry {beside}, the chain's is "
                f"{self.identity.address}",
                field="validator",
                code="other_registry",
            )
        return found

    def validation(self) -> ValidationRegistry:
        """Return the registry that our validator answers in, else the chain's.

        Raises:
            NotFound: there is neither.
        """
        if self._validator or CONTRACT in self._records:
            return ValidationRegistry(self.web3, self.validator().registry())
        return ValidationRegistry(self.web3, self.registries.require("validation"))

    def validation_block(self) -> int:
        """Return the block of our validation registry; 0 where it is not recorded."""
        found = self._records.get(VALIDATION) or self._records.get(CONTRACT)
        return 0 if found is None else found.block

    def payment(self) -> SessionPayment:
        """Return the SessionPayment whose routers the validator believes."""
        return SessionPayment(self.web3, self.validator().payment())

    def anchor(self) -> Anchor:
        """Return the receipt anchor that the validator asks."""
        return Anchor(self.web3, self.validator().anchor())

    def head(self) -> int:
        """Return the number of the latest block."""
        return latest_block(self.web3)


def _records(folder: Path) -> dict[str, Recorded]:
    found: dict[str, Recorded] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Recorded)
        except (OSError, msgspec.DecodeError):
            continue  # manifests and notes may lie beside the records
        known = found.setdefault(record.contract, record)
        if known.address.lower() != record.address.lower():
            raise InvalidInput(f"{record.contract} is recorded twice", field="deployments")
    return found
