# SPDX-License-Identifier: Apache-2.0
"""Contracts that have names: from deployment records, with their layouts and ABIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.errors import InvalidInput
from cortensor.gas.layout import Variable, variables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Abi = list[dict[str, Any]]


class Known(Struct, frozen=True):
    """A contract by name; `variables` or `abi` is None where nobody has them."""

    name: str
    variables: list[Variable] | None = None
    abi: Abi | None = None


class _Record(Struct):
    """What a deployment record says of a contract."""

    contract: str
    address: str
    chain_id: int


def load_known(
    deployments: Path, layouts: Path, chain_id: int, abi_of: Callable[[str], Abi | None]
) -> dict[str, Known]:
    """Return address in lower case -> contract.

    Args:
        deployments: a folder of deployment records.
        layouts: a folder of storage layouts, `<contract>.json`; one that is missing is not needed.
        chain_id: the chain that the records must be of.
        abi_of: returns a contract's ABI by name, None if there is none.

    Raises:
        InvalidInput: there are no records there; they are of another chain (`wrong_chain`); or a
            layout is none (`missing_layout`).
    """
    found = {}
    for path in sorted(deployments.glob("*.json")):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=_Record)
        except (OSError, msgspec.DecodeError):
            continue  # manifests and notes may lie beside the records
        if record.chain_id != chain_id:
            raise InvalidInput(
                f"{path} is of chain {record.chain_id}, the node of {chain_id}",
                field="deployments",
                code="wrong_chain",
            )
        layout = load_layout(layouts / f"{record.contract}.json")
        found[record.address.lower()] = Known(record.contract, layout, abi_of(record.contract))
    if not found:
        raise InvalidInput(f"no deployment records in {deployments}", field="deployments")
    return found


def load_layout(path: Path) -> list[Variable] | None:
    """Return the variables of a layout file; None if there is no such file.

    Raises:
        InvalidInput: it is no layout (`missing_layout`).
    """
    if not path.is_file():
        return None
    try:
        return variables(msgspec.json.decode(path.read_bytes()))
    except (msgspec.DecodeError, InvalidInput) as error:
        raise InvalidInput(
            f"{path} is no storage layout of Vyper", field="layouts", code="missing_layout"
        ) from error
