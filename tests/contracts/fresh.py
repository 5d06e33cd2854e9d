# SPDX-License-Identifier: Apache-2.0
"""Contracts at addresses that no other contract of the run had.

titanoboa undoes deployments but keeps its trace of storage by address: a second contract at the
same address is shown with the first one's keys, which breaks its report of a revert.
"""

from __future__ import annotations

import boa

from tests.contracts.protocol import deployer_of


def deploy_fresh(name: str, *arguments: object):
    """Deploy a contract from an account that does nothing else."""
    with boa.env.prank(boa.env.generate_address()):
        return deployer_of(name).deploy(*arguments)
