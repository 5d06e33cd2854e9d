# SPDX-License-Identifier: Apache-2.0
"""Both frauds of the demo: tried, shown to the verifier, and one of them to the chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cortensor.pricing import format_cor
from scripts._demo import frauds
from scripts._demo.chain import Chain


def attempt(
    bundles: Sequence[dict[str, Any]],
    chain: Chain,
    folder: Path,
    verify: Callable[[Sequence[Path]], list[dict[str, Any]]],
) -> tuple[list[dict[str, Any]], list[frauds.Proof]]:
    """Try two frauds: both are shown to the verifier, the one that took money to the chain.

    Args:
        bundles: the honest bundles of the escrow session, which alone the router can overcharge
            without another's signature or another's permission.
        chain: the demo's chain.
        folder: where forged bundles go.
        verify: verifies files of bundles in a process of its own.

    Returns:
        The `attacks` part of the result, and what was proven on chain.
    """
    honest, last = bundles[0], max(bundles, key=lambda bundle: int(bundle["anchor"]["index"]))
    forged = frauds.overcharge(honest, last, chain)
    made = {
        "somebody changes the outcome in a bundle on its way": frauds.tamper_with_answer(honest),
        f"the router bills a job again, {format_cor(frauds.OVERCHARGE_WEI)} COR dearer; signs, "
        "anchors and settles it": forged,
    }
    files = []
    for number, bundle in enumerate(made.values()):
        files.append(folder / f"fraud-{number}.json")
        files[-1].write_text(json.dumps(bundle, indent=1), "utf-8")
    verified = verify(files)
    proofs = frauds.prove(honest, forged, chain)
    attacks = []
    for name, result in zip(made, verified, strict=True):
        failed = [check for check in result["checks"] if check["status"] == "failed"]
        said = "; ".join(f"{check['name']}: {check['detail']}" for check in failed)
        proven = proofs if made[name] is forged else []
        attacks.append(
            {
                "name": name,
                "caught": not result["ok"],
                "failed_checks": [check["name"] for check in failed],
                "said": said or "nothing",
                "proofs": [{**proof.to_json(), "said": frauds.said(proof)} for proof in proven],
            }
        )
    return attacks, proofs
