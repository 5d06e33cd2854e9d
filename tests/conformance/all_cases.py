# SPDX-License-Identifier: Apache-2.0
"""Every case there is a vector of, by the format it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.cases import plain_cases
from tests.conformance.heartbeat_cases import heartbeat_cases
from tests.conformance.likeness_cases import likeness_cases
from tests.conformance.party_cases import party_cases
from tests.conformance.rule_cases import rule_cases

if TYPE_CHECKING:
    from tests.conformance.case import Case


def all_cases() -> list[Case]:
    """Return every case."""
    return [
        *plain_cases(),
        *rule_cases(),
        *likeness_cases(),
        *party_cases(),
        *heartbeat_cases(),
    ]
