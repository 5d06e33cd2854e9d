# SPDX-License-Identifier: Apache-2.0
"""Refusals by custom error, which Vyper 0.4.3 can give but not declare."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import boa
import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def refuses(contract, signature: str, *values: object) -> Iterator[None]:
    """Check that a call of `contract` reverts with exactly these bytes."""
    with pytest.raises(boa.BoaError):
        yield
    types = signature[signature.index("(") + 1 : -1].split(",")
    expected = function_signature_to_4byte_selector(signature) + encode(types, values)
    assert contract._computation.output == expected
