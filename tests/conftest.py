# SPDX-License-Identifier: Apache-2.0
"""For every suite: Hypothesis profiles, of which CORTENSOR_HYPOTHESIS names one, and garbage."""

from __future__ import annotations

import gc
import os

from hypothesis import HealthCheck, settings

# Deployments and compilations make a first example slow, so no profile has a deadline.
_SLOW_START = [HealthCheck.too_slow]

settings.register_profile("dev", max_examples=25, deadline=None, suppress_health_check=_SLOW_START)
settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=_SLOW_START,
)
settings.register_profile(
    "deep",
    max_examples=10_000,
    stateful_step_count=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=_SLOW_START,
)
settings.load_profile(os.environ.get("CORTENSOR_HYPOTHESIS", "dev"))

# Compiled contracts are millions of objects that stay. Looking for garbage among them at Python's
# usual pace takes a third of the time of a test that calls contracts.
gc.set_threshold(200_000, 20, 100)


def pytest_sessionfinish() -> None:
    """Spare pytest's last five searches for garbage: seconds each over compiled contracts."""
    gc.freeze()
