# SPDX-License-Identifier: Apache-2.0
"""Deployment of the contracts: configuration, plan, execution, records, verification.

Nothing below this package runs at import. Only `accounts.py` and `target.py` know Ape; the rest
talks to a `web3.Web3`, so the demo and the tests drive the very code that `ape run deploy` runs.
"""

from scripts._deploy.config import DeployConfig, load_config
from scripts._deploy.engine import Deployment, deploy_all
from scripts._deploy.plan import Plan, make_plan
from scripts._deploy.signing import KeySigner, Signer

__all__ = [
    "DeployConfig",
    "Deployment",
    "KeySigner",
    "Plan",
    "Signer",
    "deploy_all",
    "load_config",
    "make_plan",
]
