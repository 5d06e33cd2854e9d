# SPDX-License-Identifier: Apache-2.0
"""Hypothesis profiles for every suite; CORTENSOR_HYPOTHESIS names one."""

from __future__ import annotations

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
