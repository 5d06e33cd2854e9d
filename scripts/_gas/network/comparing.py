# SPDX-License-Identifier: Apache-2.0
"""Receipts beside plain Anvil and the formula, and beside estimates made before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from web3 import Web3

from cortensor.anvil.estimation import gas_for_estimate, message_of, padded_units
from cortensor.chain.arbos_reader import read_arbos
from cortensor.errors import InvalidInput, Unavailable
from cortensor.gas.arbos_state import ArbosState
from cortensor.gas.envelope import parse_envelope
from cortensor.gas.estimate import estimate
from cortensor.gas.rebuilding import envelope_of
from cortensor.gas.snapshot import Snapshot, with_state
from scripts._gas.scenario import Scenario

PPM = 1_000_000


@dataclass(frozen=True)
class Compared:
    """One transaction. Gas, but for `base_fee`, at which all of it is paid, in wei.

    Attributes:
        name: the scenario's.
        committed: what gas/scenarios.json says of it.
        plain: what the same transaction takes on a plain Anvil. Addresses, times and hashes are not
            those of the committed one, so zero bytes and the order in a tree are others.
        used: the receipt's gasUsed.
        base_fee: of its block.
        poster: by the formula, from the signed bytes.
        told: the receipt's gasUsedForL1.
        estimate: what `cortensor gas estimate` says before, of the signed bytes and `committed`.
        nitro: what `eth_estimateGas` says before.
        nitro_poster: of that, what is for bytes.
    """

    name: str
    committed: int
    plain: int
    used: int
    base_fee: int
    poster: int = 0
    told: int = 0
    estimate: int = 0
    nitro: int = 0
    nitro_poster: int = 0

    @property
    def open(self) -> int:
        """What nothing explains: 0 where plain gas and the formula are the receipt."""
        return self.used - self.plain - self.poster

    @property
    def error_ppm(self) -> int:
        """By how much our estimate is beside the fee, in millionths, rounded away from 0."""
        return beside_ppm(self.estimate, self.used)

    @property
    def nitro_ppm(self) -> int:
        """The same of `eth_estimateGas`."""
        return beside_ppm(self.nitro, self.used)

    @property
    def nitro_poster_ppm(self) -> int | None:
        """The same of its part for bytes; None where nothing was charged for them."""
        return beside_ppm(self.nitro_poster, self.poster) if self.poster else None


def beside_ppm(estimate: int, actual: int) -> int:
    """Return an estimate's error in millionths of what it was of, rounded away from 0."""
    size = -(-abs(estimate - actual) * PPM // actual)
    return size if estimate >= actual else -size


def state_of(web3: Web3, block: int) -> ArbosState | None:
    """Return what a chain charges after a block; None for one that has no ArbOS."""
    try:
        return read_arbos(web3, block).state
    except InvalidInput as error:
        if error.code != "no_arbos":
            raise
        return None


def compared(
    scenarios: Iterable[Scenario], web3: Web3, fees: Snapshot, committed: Mapping[str, int]
) -> Iterator[Compared]:
    """Yield scenarios that are transactions, each compared while the chain has it.

    Args:
        scenarios: as they run on the node.
        web3: the node.
        fees: of the network; what ArbOS says counts in their place.
        committed: gas by scenario.
    """
    for scenario in scenarios:
        if scenario.used.tx_hash and scenario.name in committed:
            mined = _Mined(web3, fees, scenario.used.tx_hash)
            yield mined.beside(scenario.name, committed[scenario.name])


class _Mined:
    """A transaction in a block, and the chain before it."""

    def __init__(self, web3: Web3, fees: Snapshot, tx_hash: str) -> None:
        self._web3, self._fees = web3, fees
        self._shown = self._ask("eth_getTransactionByHash", tx_hash)
        self._receipt = self._ask("eth_getTransactionReceipt", tx_hash)
        self._before = hex(int(self._receipt["blockNumber"], 16) - 1)
        self._block = self._ask("eth_getBlockByHash", self._receipt["blockHash"], False)

    def beside(self, name: str, committed: int) -> Compared:
        found = Compared(
            name=name,
            committed=committed,
            plain=committed,
            used=int(self._receipt["gasUsed"], 16),
            base_fee=int(self._block["baseFeePerGas"], 16),
        )
        state = state_of(self._web3, int(self._before, 16))
        return found if state is None else self._charged(found, state)

    def _charged(self, found: Compared, state: ArbosState) -> Compared:
        if "gasUsedForL1" not in self._receipt:
            raise InvalidInput(
                "receipts have no gasUsedForL1: it is a plain Anvil on an Arbitrum chain's state; "
                "put `cortensor anvil` before it (docs/runbooks/anvil.md)",
                field="network",
                code="no_arbos",
            )
        envelope = parse_envelope(envelope_of(self._shown))
        before = estimate(envelope, with_state(self._fees, state), found.committed)
        units = padded_units(message_of(self._call()), state.brotli_level)
        suggested = int(self._ask("eth_estimateGas", self._call(), self._before), 16)
        return replace(
            found,
            poster=before.fee.poster_gas,
            told=int(self._receipt["gasUsedForL1"], 16),
            estimate=before.fee.gas_used,
            nitro=suggested,
            nitro_poster=gas_for_estimate(
                units, state.price_per_unit, state.base_fee, state.min_base_fee
            ),
        )

    def _call(self) -> dict[str, Any]:
        """Return what a wallet asks about before it has signed."""
        to = {} if self._shown["to"] is None else {"to": self._shown["to"]}
        shown = {name: self._shown[name] for name in ("from", "input", "value")}
        return shown | to

    def _ask(self, method: str, *parameters: Any) -> Any:
        answer = self._web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        if "error" in answer:
            raise Unavailable(f"{method}: {answer['error']}", field="network")
        return answer["result"]
