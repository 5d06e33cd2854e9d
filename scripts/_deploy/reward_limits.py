# SPDX-License-Identifier: Apache-2.0
"""What the times and the bond of the reward epochs must be to each other, as NodeReward has it.

Its constructor checks the same: here it is found before anything is paid for, and by its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from scripts._deploy.limits import wei

if TYPE_CHECKING:
    from scripts._deploy.config import DeployConfig


def check_rewards(config: DeployConfig) -> None:
    """Check windows against censorship, and everything against how long one root can be open.

    Raises:
        InvalidInput: naming the key.
    """
    rewards, delay = config.rewards, config.network.forced_inclusion_seconds
    for key in ("window_seconds", "veto_seconds"):
        if getattr(rewards, key) < 2 * delay:
            raise InvalidInput(
                f"must be at least {2 * delay}, twice the forced inclusion delay",
                field=f"rewards.{key}",
            )
    # A veto is announced in the last second of the window, waits, and is never executed.
    longest = rewards.window_seconds + rewards.veto_delay_seconds + rewards.veto_seconds
    reasons = {
        "epoch_seconds": "the next epoch could be over before one is decided",
        "post_seconds": "a root that is vetoed at the last would cost its epoch",
        "cooldown_seconds": "a bond is gone before what it stands for is decided",
    }
    for key, reason in reasons.items():
        if getattr(rewards, key) <= longest:
            raise InvalidInput(
                f"must be more than {longest}, window + veto delay + veto: else {reason}",
                field=f"rewards.{key}",
            )
    wei(rewards.bond_wei, "rewards.bond_wei")
