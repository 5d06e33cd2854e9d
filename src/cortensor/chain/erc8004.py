# SPDX-License-Identifier: Apache-2.0
"""Where a chain's ERC-8004 registries are: the canonical ones where they answer, else ours.

The canonical addresses are the same on every mainnet, and others the same on every testnet, so no
list of chains is needed: whichever answer are the chain's. Code alone proves nothing, since some
chains have placeholders there; a registry must say which identity registry it stands beside. The
Validation registry is optional and on few chains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct
from web3 import Web3

from cortensor.chain.rpc import contract, node_errors
from cortensor.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = "IdentityRegistry"
REPUTATION = "ReputationRegistry"
VALIDATION = "ValidationRegistry"


class Addresses(NamedTuple):
    """Three addresses, checksummed."""

    identity: str
    reputation: str
    validation: str


MAINNET = Addresses(
    identity="0x8004A169FB4a3325136EB29fA0ceB6D2e539a432",
    reputation="0x8004BAa17C55a88189AE136b182e5fdA19dE9b63",
    validation="0x8004Cc8439f36fd5F9F049D9fF86523Df6dAAB58",
)
TESTNET = Addresses(
    identity="0x8004A818BFB912233c491871b3d84c89A494BD9e",
    reputation="0x8004B663056A597Dffe9eCcC1965A193B7388713",
    validation="0x8004Cb1BF31DAf7788923b405b754f57acEB4272",
)
CANONICAL = (MAINNET, TESTNET)


class Registries(Struct, frozen=True):
    """The registries of a chain; those that are not there are None, and `missing` says why.

    `is_canonical` tells whether the identity registry is the one that everybody uses.
    """

    chain_id: int
    identity: str
    reputation: str | None
    validation: str | None
    is_canonical: bool
    missing: dict[str, str]

    def require(self, kind: str) -> str:
        """Return the address of a registry: `identity`, `reputation` or `validation`.

        Raises:
            NotFound: this chain does not have it.
        """
        found: str | None = getattr(self, kind)
        if found is None:
            raise NotFound(
                f"chain {self.chain_id} has no {kind} registry beside {self.identity}: "
                f"{self.missing[kind]}; deploy ours with `ape run deploy`",
                field=kind,
                code="registry_missing",
            )
        return found


def own_addresses(folder: Path) -> dict[str, str]:
    """Return the registries that we deployed, from a folder of deployment records, by kind.

    Raises:
        InvalidInput: there is no such folder, or a registry is recorded twice.
    """
    if not folder.is_dir():
        raise InvalidInput(f"no folder {folder}", field="deployments")
    kinds = {IDENTITY: "identity", REPUTATION: "reputation", VALIDATION: "validation"}
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=_Record)
        except (OSError, msgspec.DecodeError):
            continue  # manifests and notes may lie beside the records
        kind = kinds.get(record.contract)
        if kind is None:
            continue
        address = str(Web3.to_checksum_address(record.address))
        if found.setdefault(kind, address) != address:
            raise InvalidInput(f"{record.contract} is recorded twice", field="deployments")
    return found


class _Record(Struct):
    contract: str
    address: str


def find_registries(web3: Web3, own: dict[str, str] | None = None) -> Registries:
    """Return a chain's registries: for each kind the canonical one if it answers, else ours.

    Args:
        web3: the node.
        own: our addresses by kind, as `own_addresses` reads them.

    Raises:
        NotFound: the chain has no identity registry, canonical or ours.
        Unavailable: the node does not answer.
    """
    ours = own or {}
    with node_errors("chain id"):
        chain_id = int(web3.eth.chain_id)
    canonical = next((one for one in CANONICAL if _is_identity(web3, one.identity)), None)
    identity = ours.get("identity") if canonical is None else canonical.identity
    if identity is None or (canonical is None and not _is_identity(web3, identity)):
        at = "" if identity is None else f" (no registry answers at {identity})"
        raise NotFound(
            f"chain {chain_id} has no ERC-8004 identity registry, canonical or recorded{at}; "
            "deploy ours with `ape run deploy`",
            field="identity",
            code="registry_missing",
        )
    found: dict[str, str | None] = {}
    missing: dict[str, str] = {}
    for kind in ("reputation", "validation"):
        tried = [] if canonical is None else [getattr(canonical, kind)]
        tried += [ours[kind]] if kind in ours else []
        faults = {address: _fault(web3, kind, address, identity) for address in tried}
        found[kind] = next((address for address, fault in faults.items() if not fault), None)
        if found[kind] is None:
            words = [f"{address} {fault}" for address, fault in faults.items()]
            missing[kind] = "; ".join(words) or "none is recorded"
    return Registries(
        chain_id=chain_id,
        identity=identity,
        reputation=found["reputation"],
        validation=found["validation"],
        is_canonical=canonical is not None,
        missing=missing,
    )


def _has_code(web3: Web3, address: str) -> bool:
    with node_errors("code"):
        return bool(web3.eth.get_code(Web3.to_checksum_address(address)))


def _is_identity(web3: Web3, address: str) -> bool:
    """Say whether an identity registry of this revision is at an address."""
    if not _has_code(web3, address):
        return False
    try:
        with node_errors("version"):
            version = contract(web3, IDENTITY, address).functions.getVersion().call()
    except (Conflict, NotFound):
        return False
    return str(version).startswith("2.")


def _fault(web3: Web3, kind: str, address: str, identity: str) -> str:
    """Return why no registry beside an identity registry is at an address; empty if one is."""
    if not _has_code(web3, address):
        return "has no code"
    name = REPUTATION if kind == "reputation" else VALIDATION
    try:
        with node_errors("identity registry"):
            beside = contract(web3, name, address).functions.getIdentityRegistry().call()
    except (Conflict, NotFound):
        return "has code but no getIdentityRegistry(): a placeholder"
    if str(beside).lower() != identity.lower():
        return f"stands beside another identity registry, {beside}"
    return ""
