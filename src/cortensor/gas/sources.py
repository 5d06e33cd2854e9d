# SPDX-License-Identifier: Apache-2.0
"""Whose code a transaction ran, and the line maps of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput, NotFound
from cortensor.gas.flame import Source
from cortensor.gas.line_map import HOW, load_line_map, must_be_of
from cortensor.gas.profile import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cortensor.gas.known import Known
    from cortensor.gas.transaction import Transaction


def sources_of(
    transaction: Transaction,
    codes: Sequence[str],
    known: Mapping[str, Known],
    folder: Path,
    on_chain: Mapping[str, bytes],
) -> tuple[dict[str, Source], list[Note]]:
    """Return address -> contract with its line map, and what is drawn without lines and why.

    Args:
        transaction: what is drawn.
        codes: whose code each of its frames ran, the outermost first.
        known: address in lower case -> what is known of it.
        folder: of line maps.
        on_chain: address in lower case -> code there now.

    Raises:
        InvalidInput: it runs no code (`no_execution`); the contract that it calls is in no record
            (`unknown_contract`).
        NotFound: there is no line map of that contract (`missing_line_map`).
        VerificationFailed: a line map is of other code (`wrong_line_map`).
    """
    if not codes:
        raise InvalidInput("runs no code: nothing to draw", field="tx_hash", code="no_execution")
    found, notes = {}, []
    for address in dict.fromkeys(codes):
        is_outermost = address == codes[0]
        contract = known.get(address)
        if contract is None:
            reason = f"{address} is in no deployment record"
            if is_outermost:
                raise InvalidInput(
                    f"{reason}: give --deployments a folder that has it",
                    field="deployments",
                    code="unknown_contract",
                )
            notes.append(Note("unknown_contract", f"{reason}: drawn as one box"))
            continue
        lines = load_line_map(folder, contract.name)
        found[address] = Source(contract.name, lines)
        if lines is None:
            reason = f"no line map of {contract.name} in {folder}"
            if is_outermost:
                raise NotFound(f"{reason}; {HOW}", field="lines", code="missing_line_map")
            notes.append(Note("missing_line_map", f"{reason}: drawn as one box; {HOW}"))
        elif is_outermost and transaction.to is None:
            must_be_of(lines.creation, contract.name, "the transaction", transaction.data)
        else:
            must_be_of(lines.runtime, contract.name, address, on_chain.get(address, b""))
    return found, notes
