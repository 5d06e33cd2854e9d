# SPDX-License-Identifier: Apache-2.0
"""Checks of format 4: miners' own signatures, a payment beside the session, a receipt replaced."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cortensor.errors import VerificationFailed
from cortensor.receipts.body import PARTIES_FORMAT
from cortensor.receipts.checks import FAILED, Check, differ, judge, not_checked
from cortensor.receipts.evidence import OK
from cortensor.receipts.keccak import WORD_BYTES, from_hex
from cortensor.receipts.parties import PaymentBlock, count_operators
from cortensor.receipts.sign import recover
from cortensor.receipts.typed import TASK_ID_BYTES, ReplicaStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.receipts.anchor_view import AnchorView
    from cortensor.receipts.body import Body, Replica
    from cortensor.receipts.bundle import Bundle

MINERS, PAYMENT, SUCCESSION = "miners", "payment", "succession"


def parties_checks(
    bundle: Bundle, view: AnchorView | None
) -> Sequence[tuple[str, Callable[[], Check]]]:
    """Return the checks of what a format 4 receipt has beyond format 3; else none."""
    body = bundle.receipt
    if body.format != PARTIES_FORMAT:
        return ()
    made: list[tuple[str, Callable[[], Check]]] = [(MINERS, partial(check_miners, body))]
    if isinstance(body.payment, PaymentBlock):
        made.append((PAYMENT, partial(check_payment, body.payment)))
    if isinstance(body.supersedes, str):
        made.append((SUCCESSION, partial(check_succession, bundle, body.supersedes, view)))
    return made


def miner_struct(body: Body, replica: Replica) -> ReplicaStruct:
    """Return what a replica's miner signs.

    Raises:
        InvalidInput: the replica delivered no output.
    """
    return ReplicaStruct(
        session=body.session(),
        request_commitment=from_hex(body.request_commitment, WORD_BYTES, "request_commitment"),
        compute_session=replica.session_id,
        task_id=from_hex(replica.task_id, TASK_ID_BYTES, "task_id"),
        output_hash=from_hex(replica.output_hash or "", WORD_BYTES, "output_hash"),
        model=replica.model,
        input_units=replica.input_units,
        output_units=replica.output_units,
    )


def check_miners(body: Body) -> Check:
    """Every signature of a miner is by the miner named, over the entry; miners are counted."""
    problems = differ(
        "consensus.operators",
        body.consensus.operators,
        count_operators(body.replicas),
        "the entries give",
    )
    delivered = [replica for replica in body.replicas if replica.status == OK]
    signed = [replica for replica in body.replicas if isinstance(replica.miner_signature, str)]
    for replica in signed:
        problems += _compare_signature(body, replica)
    if problems:
        return Check(MINERS, FAILED, "; ".join(problems))
    if not signed:
        return not_checked(MINERS, "no miner signed its answer")
    open_ones = ", ".join(str(each.index) for each in delivered if each not in signed)
    left = f"; not of replica {open_ones}" if open_ones else ""
    return judge(
        MINERS, [], f"{len(signed)} of {len(delivered)} answers are signed by their miners{left}"
    )


def _compare_signature(body: Body, replica: Replica) -> list[str]:
    where = f"replicas[{replica.index}].miner_signature"
    if replica.status != OK or replica.output_hash is None:
        return [f"{where} is there, and no answer"]
    digest = miner_struct(body, replica).digest(body.domain())
    try:
        miner = recover(digest, bytes.fromhex(str(replica.miner_signature)[2:]))
    except VerificationFailed as error:
        return [f"{where} {error.reason}"]
    return differ(f"replicas[{replica.index}].miner", replica.miner, miner, f"{where} is by")


def check_payment(payment: PaymentBlock) -> Check:
    """Nothing of a payment on another network is looked up; it says which one it was."""
    return not_checked(
        PAYMENT, f"whether {payment.transaction} on {payment.network} paid is not looked up"
    )


def check_succession(bundle: Bundle, older: str, view: AnchorView | None) -> Check:
    """The receipt replaced is revoked by the same signer, with this one as its successor."""
    if view is None:
        return not_checked(SUCCESSION, f"no chain was asked whether {older} was revoked for this")
    found = view.revocation(bundle.receipt.router.signer, older)
    if not found.revoked_at:
        return Check(SUCCESSION, FAILED, f"{older} is not revoked")
    problems = differ("successor", found.successor, bundle.receipt_id, "this receipt is")
    return judge(SUCCESSION, problems, f"{older} was revoked for this receipt")
