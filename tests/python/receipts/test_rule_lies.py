# SPDX-License-Identifier: Apache-2.0
"""Every value that a receipt of formats 2 and 3 states of its rule is changed, and signed.

What a verifier without the router's records cannot notice is listed, with the reason.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from cortensor.embedding import model_for
from cortensor.errors import InvalidInput
from cortensor.receipts import verify_bundle
from tests.conformance.likeness_samples import LIKENESS_JOBS
from tests.conformance.rule_samples import RULE_JOBS, RuleJob
from tests.conformance.samples import resign
from tests.python.receipts.mutating import changed, leaves, parent_of

EARNED = {
    r"calibration\.(version|ece_bps|brier_bps)": "the history is named, and its quality stated",
    r"weighing\.fallback": "why a rule was not applied is told in words",
    r"replicas\.\d\.preference": "stake is bonded elsewhere; a receipt repeats it",
    r"adaptive\.stop_bps": "a run that went to its end would have gone there by another, too",
    r"likeness\.(model|digest)": "a verifier without that model says: not proven",
}
ENTRY = ("weight_micro", "likelihoods", "preference", "value")


def stated(bundle: dict[str, Any]) -> dict[tuple[str | int, ...], str]:
    """Return every path into the rule, with its name."""
    body = bundle["receipt"]
    found = {("consensus", *path): ".".join(map(str, path)) for path in leaves(body["consensus"])}
    for number, entry in enumerate(body["replicas"]):
        for name in ENTRY:
            for path in leaves(entry[name], (name,)):
                where = ("replicas", number, *path)
                found[where] = ".".join(map(str, where))
    return found


def step(name: str) -> int:
    """Return a change that shows: a millionth of a nat is less than any number has digits for."""
    if re.search("weight_micro|likelihoods", name):
        return 200_000
    return 1000 if re.search("correlation|temperature", name) else 1


@pytest.mark.parametrize("job", [*RULE_JOBS, *LIKENESS_JOBS], ids=lambda job: job.name)
def test_no_signed_lie_about_the_rule_survives(job: RuleJob) -> None:
    bundle = job.bundle()
    assert not verify_bundle(bundle, models=model_for).failures
    missed = []
    for path, name in stated(bundle).items():
        lied = copy.deepcopy(bundle)
        parent = parent_of(lied["receipt"], path)
        value = parent[path[-1]]
        parent[path[-1]] = value + step(name) if isinstance(value, int) else changed(value)
        try:
            if not verify_bundle(resign(lied), models=model_for).failures:
                missed.append(name)
        except InvalidInput:
            continue  # no body of this format
    assert [name for name in missed if not re.fullmatch("|".join(EARNED), name)] == []
