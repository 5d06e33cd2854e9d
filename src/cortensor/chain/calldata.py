# SPDX-License-Identifier: Apache-2.0
"""Arguments of calls: read back from others' transactions, and made ready for ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_utils.abi import get_abi_input_types
from eth_utils.address import is_address, to_checksum_address

from cortensor.errors import VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from web3.contract import Contract

SELECTOR_BYTES = 4


def read_call(bound: Contract, name: str, data: bytes) -> dict[str, Any]:
    """Return the arguments of a call of a contract's function, by name.

    Raises:
        VerificationFailed: it is the calldata of something else.
    """
    try:
        function = bound.get_function_by_selector(data[:SELECTOR_BYTES])
        # The node's own codec, which takes what is no text; web3's reader of calls has another.
        values = bound.w3.codec.decode(get_abi_input_types(function.abi), data[SELECTOR_BYTES:])
    except Exception as error:  # whatever strangers send, it is only not this call
        raise VerificationFailed(f"is not calldata of {name}", field="calldata") from error
    if function.fn_name != name:
        raise VerificationFailed(f"calls {function.fn_name}", field="calldata")
    names = [str(each["name"]) for each in function.abi["inputs"]]
    return dict(zip(names, values, strict=True))


def named(values: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return a decoded struct by field name; web3 gives tuples or mappings, by version."""
    if hasattr(values, "keys"):
        return {name: values[name] for name in names}
    return dict(zip(names, values, strict=True))


def checksummed(value: Any) -> Any:
    """Return arguments of a call with every address in them as web3 takes it."""
    if isinstance(value, list | tuple):
        return [checksummed(each) for each in value]
    if isinstance(value, str) and is_address(value):
        return to_checksum_address(value)
    return value
