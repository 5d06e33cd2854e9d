# SPDX-License-Identifier: Apache-2.0
"""What a router owes for its answers: the ledger's audit after a kill, and the chain's word."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from benchmarks.router.processes import ROOT
from benchmarks.router.subjects import SIGNER_ENV
from cortensor.chain.rpc import connect
from cortensor.chain.session_payment import SessionPayment
from cortensor.errors import Unavailable
from cortensor.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.router.subjects import Chain, Router


class Books(Struct, frozen=True, kw_only=True):
    """A ledger after a run; money in wei of COR.

    `answers` were seen by callers, `receipts` are stored, `settled_wei` is the contract's total.
    """

    answers: int
    receipts: int
    charged_wei: int
    spent_wei: int
    reserved_wei: int
    settled_wei: int
    violations: list[str]

    @property
    def is_sound(self) -> bool:
        """Whether no answer lacks a receipt, no wei is missing, and the chain agrees."""
        return (
            not self.violations
            and self.receipts >= self.answers
            and self.charged_wei == self.spent_wei == self.settled_wei
            and self.reserved_wei == 0
        )


def close(router: Router, chain: Chain, answers: int) -> Books:
    """Settle everything that a router left, which must have ended, and compare all three books.

    Args:
        router: it may have been killed: what it had reserved is released, as a start does.
        chain: where its session is.
        answers: how many callers got.

    Raises:
        Unavailable: `cortensor settle` failed.
    """
    database = router.folder / "router.db"
    with Store(database) as store:
        store.owners.recover()
    _settle(router.folder / "router.toml", chain)
    payment = SessionPayment(connect(chain.rpc_url), chain.session_payment)
    with Store(database) as store:
        rows = store.database.rows("SELECT charge FROM receipts WHERE session = ?", router.session)
        account = store.ledger.account(router.session)
        if account is None:
            raise Unavailable("the router never saw its session")
        return Books(
            answers=answers,
            receipts=len(rows),
            charged_wei=sum(int(row["charge"]) for row in rows),
            spent_wei=account.spent,
            reserved_wei=account.reserved,
            settled_wei=payment.facts(int(router.session, 16)).settled,
            violations=store.ledger.audit(),
        )


def _settle(config: Path, chain: Chain) -> None:
    done = subprocess.run(  # noqa: S603 -- our own command
        [sys.executable, "-m", "cortensor", "settle", "--config", str(config), "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src", SIGNER_ENV: chain.signer_key},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(f"cortensor settle: {done.stderr.decode(errors='replace')[-2000:]}")
    msgspec.json.decode(done.stdout)
