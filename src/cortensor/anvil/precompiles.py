# SPDX-License-Identifier: Apache-2.0
"""What ArbOS' contracts answer to whoever asks a node, from ArbOS' storage.

Signatures: OffchainLabs/nitro-contracts, src/precompiles and src/node-interface.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from cortensor.anvil.estimation import Message, gas_for_estimate, l1_component, padded_units
from cortensor.anvil.rpc import INVALID_PARAMS, RpcError
from cortensor.gas import arbos_state
from cortensor.gas.arbos_state import L1_PRICING, L2_PRICING, ROOT, inner, slot
from cortensor.receipts.keccak import keccak256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TX_BYTES, STORAGE_GAS = 140, 20_000
VERSION_OFFSET = 55
ADDRESS_MASK = 2**160 - 1
ALIAS_OFFSET = 0x1111000000000000000000000000000000001111
DUE_TO_POSTERS = slot(inner(L1_PRICING, b"\0"), 0x00)
"""Signed wei that are owed to all who post batches together."""

REVERT_SELECTOR, REVERT_CODE = "0x08c379a0", 3


def reverted(reason: str) -> RpcError:
    """Return what a node answers where a contract refuses: clients tell that from its own errors.

    Args:
        reason: the contract's.
    """
    data = REVERT_SELECTOR + encode(["string"], [reason]).hex()
    return RpcError(f"execution reverted: {reason}", REVERT_CODE, data)


def _at(low: int) -> str:
    return f"0x{low:040x}"


ARB_SYS, ARB_OWNER_PUBLIC, ARB_GAS_INFO = _at(0x64), _at(0x6B), _at(0x6C)
NODE_INTERFACE = _at(0xC8)
NAMES: Mapping[str, str] = MappingProxyType(
    {
        ARB_SYS: "ArbSys",
        _at(0x65): "ArbInfo",
        _at(0x66): "ArbAddressTable",
        _at(0x68): "ArbFunctionTable",
        ARB_OWNER_PUBLIC: "ArbOwnerPublic",
        ARB_GAS_INFO: "ArbGasInfo",
        _at(0x6D): "ArbAggregator",
        _at(0x6E): "ArbRetryableTx",
        _at(0x6F): "ArbStatistics",
        _at(0x70): "ArbOwner",
        _at(0x71): "ArbWasm",
        _at(0x72): "ArbWasmCache",
        NODE_INTERFACE: "NodeInterface",
    }
)
"""ArbOS' contracts; all but NodeInterface have the code 0xfe."""


class View(NamedTuple):
    """A chain after a block, for whoever asks: `load` gives a slot of ArbOS' account.

    `total_gas` is Anvil's estimate with Nitro's addition, where one was asked for; `hashes` are of
    blocks that were asked for; blocks up to `fork_block` are a forked chain's.
    """

    chain_id: int
    block: int
    base_fee: int
    load: Callable[[int], int]
    sender: Message = Message()
    total_gas: int = 0
    fork_block: int = -1
    hashes: Mapping[int, bytes] = MappingProxyType({})

    @property
    def price(self) -> int:
        """Wei for a unit."""
        return self.load(arbos_state.PRICE_PER_UNIT)

    @property
    def min_base_fee(self) -> int:
        """In wei."""
        return self.load(arbos_state.MIN_BASE_FEE)


class _Function(NamedTuple):
    """`since` is the ArbOS version that first had it, for those that some chains still lack."""

    inputs: list[str]
    outputs: list[str]
    reply: Callable[..., tuple[Any, ...]]
    since: int = 0


SIGNED = frozenset({"int64", "int256"})


def _stored(kind: str, at: int, since: int = 0) -> _Function:
    def reply(view: View) -> tuple[Any, ...]:
        value = view.load(at)
        if kind == "address":
            return (f"0x{value & ADDRESS_MASK:040x}",)
        return (_signed(value) if kind in SIGNED else value,)

    return _Function([], [kind], reply, since)


def _signed(value: int) -> int:
    return value - 2**256 if value >= 2**255 else value


def _prices_in_wei(view: View, *_aggregator: str) -> tuple[int, ...]:
    calldata, floor = 16 * view.price, min(view.min_base_fee, view.base_fee)
    return (
        TX_BYTES * calldata,
        calldata,
        STORAGE_GAS * view.base_fee,
        floor,
        view.base_fee - floor,
        view.base_fee,
    )


def _prices_in_gas(view: View, *_aggregator: str) -> tuple[int, ...]:
    calldata, fee = 16 * view.price, view.base_fee
    return (TX_BYTES * calldata // fee, calldata // fee, STORAGE_GAS) if fee else (0, 0, 20_000)


def _accounting(view: View) -> tuple[int, ...]:
    limit = view.load(slot(L2_PRICING, 0x01))
    return (view.load(arbos_state.SPEED_LIMIT), limit, limit)


def _constraints(view: View) -> tuple[Any, ...]:
    slots = arbos_state.constraint_slots(view.load(arbos_state.CONSTRAINT_COUNT))
    words = [view.load(at) for at in slots]
    return ([words[at : at + 3] for at in range(0, len(words), 3)],)


def _surplus(view: View) -> tuple[int]:
    due = _signed(view.load(DUE_TO_POSTERS)) + _signed(view.load(slot(L1_PRICING, 0x05)))
    return (view.load(slot(L1_PRICING, 0x0B)) - due,)


def _alias(_view: View, sender: str, _target: str) -> tuple[str]:
    return (f"0x{(int(sender, 16) + ALIAS_OFFSET) & ADDRESS_MASK:040x}",)


def _in_no_batch(view: View, block: int) -> tuple[int]:
    if block > view.block:
        raise reverted(f"there is no block {block}")
    raise reverted(f"block {block} is in no batch: this chain posts none")


def _blocks_of(view: View, parent_block: int) -> tuple[int, int]:
    # Each block made here is a block of the parent of its own, of the same number.
    if not view.fork_block < parent_block <= view.block:
        raise reverted(f"no L2 block has the L1 block number {parent_block}")
    return (parent_block, parent_block)


def _block_hash(view: View, block: int) -> tuple[bytes]:
    if block not in view.hashes:
        raise RpcError(f"ArbSys.arbBlockHash: block {block} is not among the last 256")
    return (view.hashes[block],)


def _units(view: View, to: str, is_creation: bool, data: bytes) -> int:
    target = b"" if is_creation else bytes.fromhex(to.removeprefix("0x"))
    message = view.sender._replace(to=target, data=data)
    return padded_units(message, view.load(arbos_state.BROTLI_LEVEL))


def _components(view: View, to: str, is_creation: bool, data: bytes) -> tuple[int, ...]:
    units = _units(view, to, is_creation, data)
    gas = gas_for_estimate(units, view.price, view.base_fee, view.min_base_fee)
    return (view.total_gas, gas, view.base_fee, view.price)


def _l1_component(view: View, to: str, is_creation: bool, data: bytes) -> tuple[int, ...]:
    gas = l1_component(_units(view, to, is_creation, data), view.price, view.base_fee)
    return (gas, view.base_fee, view.price)


_ANSWERS: Mapping[str, Mapping[str, _Function]] = {
    ARB_SYS: {
        "arbBlockNumber": _Function([], ["uint256"], lambda view: (view.block,)),
        "arbBlockHash": _Function(["uint256"], ["bytes32"], _block_hash),
        "arbChainID": _Function([], ["uint256"], lambda view: (view.chain_id,)),
        "arbOSVersion": _Function(
            [], ["uint256"], lambda view: (VERSION_OFFSET + view.load(arbos_state.VERSION),)
        ),
        "getStorageGasAvailable": _Function([], ["uint256"], lambda _view: (0,)),
        # Who asks a node is who calls: nobody stands between, and no alias of the parent's.
        "isTopLevelCall": _Function([], ["bool"], lambda _view: (True,)),
        "wasMyCallersAddressAliased": _Function([], ["bool"], lambda _view: (False,)),
        "mapL1SenderContractAddressToL2Alias": _Function(
            ["address", "address"], ["address"], _alias
        ),
    },
    ARB_OWNER_PUBLIC: {
        "getBrotliCompressionLevel": _stored("uint64", arbos_state.BROTLI_LEVEL),
        "getNetworkFeeAccount": _stored("address", slot(ROOT, 0x03)),
        "getInfraFeeAccount": _stored("address", slot(ROOT, 0x06)),
    },
    ARB_GAS_INFO: {
        "getPricesInWei": _Function([], ["uint256"] * 6, _prices_in_wei),
        "getPricesInWeiWithAggregator": _Function(["address"], ["uint256"] * 6, _prices_in_wei),
        "getPricesInArbGas": _Function([], ["uint256"] * 3, _prices_in_gas),
        "getPricesInArbGasWithAggregator": _Function(["address"], ["uint256"] * 3, _prices_in_gas),
        "getGasAccountingParams": _Function([], ["uint256"] * 3, _accounting),
        # A call costs nothing, so it pays for no bytes; a transaction runs on Anvil, not here.
        "getCurrentTxL1GasFees": _Function([], ["uint256"], lambda _view: (0,)),
        "getGasPricingConstraints": _Function([], ["uint64[3][]"], _constraints, 50),
        "getMaxTxGasLimit": _stored("uint256", slot(L2_PRICING, 0x07), 50),
        "getMaxBlockGasLimit": _stored("uint64", slot(L2_PRICING, 0x01), 50),
        "getL1PricingSurplus": _Function([], ["int256"], _surplus),
        "getMinimumGasPrice": _stored("uint256", arbos_state.MIN_BASE_FEE),
        "getL1BaseFeeEstimate": _stored("uint256", arbos_state.PRICE_PER_UNIT),
        "getL1GasPriceEstimate": _stored("uint256", arbos_state.PRICE_PER_UNIT),
        "getL1BaseFeeEstimateInertia": _stored("uint64", slot(L1_PRICING, 0x02)),
        "getL1PricingEquilibrationUnits": _stored("uint256", slot(L1_PRICING, 0x01)),
        "getL1RewardRecipient": _stored("address", slot(L1_PRICING, 0x00)),
        "getL1RewardRate": _stored("uint64", slot(L1_PRICING, 0x03)),
        "getLastL1PricingUpdateTime": _stored("uint64", slot(L1_PRICING, 0x04)),
        "getL1PricingFundsDueForRewards": _stored("uint256", slot(L1_PRICING, 0x05)),
        "getL1PricingUnitsSinceUpdate": _stored("uint64", slot(L1_PRICING, 0x06)),
        "getLastL1PricingSurplus": _stored("int256", slot(L1_PRICING, 0x08)),
        "getPerBatchGasCharge": _stored("int64", slot(L1_PRICING, 0x09)),
        "getAmortizedCostCapBips": _stored("uint64", slot(L1_PRICING, 0x0A)),
        "getL1FeesAvailable": _stored("uint256", slot(L1_PRICING, 0x0B)),
        "getGasBacklog": _stored("uint64", arbos_state.BACKLOG),
        "getGasBacklogTolerance": _stored("uint64", arbos_state.TOLERANCE),
        "getPricingInertia": _stored("uint64", arbos_state.INERTIA),
    },
    NODE_INTERFACE: {
        "gasEstimateComponents": _Function(
            ["address", "bool", "bytes"], ["uint64", "uint64", "uint256", "uint256"], _components
        ),
        "gasEstimateL1Component": _Function(
            ["address", "bool", "bytes"], ["uint64", "uint256", "uint256"], _l1_component
        ),
        "nitroGenesisBlock": _Function([], ["uint256"], lambda _view: (0,)),
        "blockL1Num": _Function(["uint64"], ["uint64"], lambda _view, block: (block,)),
        "l2BlockRangeForL1": _Function(["uint64"], ["uint64", "uint64"], _blocks_of),
        "findBatchContainingBlock": _Function(["uint64"], ["uint64"], _in_no_batch),
        # A block that is in no batch has none.
        "getL1Confirmations": _Function(["bytes32"], ["uint64"], lambda _view, _hash: (0,)),
    },
}

_NO_MESSAGES = "no messages go to this chain's parent or come from it"
_MULTI_GAS = "kinds of gas that are priced apart are not known here"
_NOT_ANSWERED: Mapping[str, Mapping[str, tuple[list[str], str]]] = {
    ARB_SYS: {
        "sendMerkleTreeState": ([], "only ArbOS may ask that"),
        "sendTxToL1": (["address", "bytes"], _NO_MESSAGES),
        "withdrawEth": (["address"], _NO_MESSAGES),
    },
    ARB_GAS_INFO: {
        "getMultiGasPricingConstraints": ([], _MULTI_GAS),
        "getMultiGasBaseFee": ([], _MULTI_GAS),
    },
    NODE_INTERFACE: {
        "constructOutboxProof": (["uint64", "uint64"], _NO_MESSAGES),
        "legacyLookupMessageBatchProof": (["uint256", "uint64"], _NO_MESSAGES),
        "estimateRetryableTicket": (
            ["address", "uint256", "address", "uint256", "address", "address", "bytes"],
            _NO_MESSAGES,
        ),
    },
}
"""Functions that the chain has and this one cannot answer: their arguments, and why."""

OF_FORKED_BLOCKS = frozenset({"blockL1Num", "l2BlockRangeForL1", "findBatchContainingBlock"})
"""Of a block up to the one that is forked, the forked node knows the answer."""


def selector(name: str, inputs: list[str]) -> bytes:
    """Return the four bytes that call a function."""
    return keccak256(f"{name}({','.join(inputs)})".encode())[:4]


_BY_SELECTOR = {
    address: {
        selector(name, function.inputs): (name, function) for name, function in functions.items()
    }
    for address, functions in _ANSWERS.items()
}


_REFUSED = {
    address: {selector(name, inputs): (name, why) for name, (inputs, why) in functions.items()}
    for address, functions in _NOT_ANSWERED.items()
}


class Asked(NamedTuple):
    """A call of one of ArbOS' functions, with its arguments. `contract` is the address' name."""

    contract: str
    name: str
    function: _Function
    arguments: tuple[Any, ...]

    def answer(self, view: View) -> bytes:
        """Return the ABI bytes of the answer. Raises RpcError for what ArbOS would refuse."""
        arbos = view.load(arbos_state.VERSION)
        if arbos < self.function.since:
            raise reverted(
                f"{self.contract}.{self.name} is of ArbOS {self.function.since} and "
                f"later; this chain has {arbos}"
            )
        return encode(self.function.outputs, self.function.reply(view, *self.arguments))


def asked(address: str, data: bytes) -> Asked:
    """Return what a call of one of ArbOS' addresses asks.

    Raises:
        RpcError: no function that is answered here, or its arguments cannot be read.
    """
    known = _BY_SELECTOR.get(address.lower(), {})
    found = known.get(data[:4])
    name = NAMES[address.lower()]
    refused = _REFUSED.get(address.lower(), {}).get(data[:4])
    if refused is not None:
        raise reverted(f"{name}.{refused[0]} is not answered here: {refused[1]}")
    if found is None:
        raise RpcError(
            f"{name} ({address}) has no function 0x{data[:4].hex()} here", INVALID_PARAMS
        )
    try:
        arguments = decode(found[1].inputs, data[4:])
    except DecodingError as error:
        raise RpcError(f"{name}.{found[0]}: cannot read its arguments", INVALID_PARAMS) from error
    return Asked(name, found[0], found[1], arguments)


def slots_read() -> list[int]:
    """Return the slots that the answers are made of, but for those of constraints."""
    spaces = ((ROOT, 0x0B), (L1_PRICING, 0x0C), (L2_PRICING, 0x07))
    found = [slot(space, key) for space, last in spaces for key in range(last + 1)]
    return [*found, arbos_state.CONSTRAINT_COUNT, DUE_TO_POSTERS]
