# SPDX-License-Identifier: Apache-2.0
"""One payment, one receipt: what each receipt was paid by, and receipts that share a payment.

A single receipt cannot show that its payment was used once; several can show that it was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.receipts.parties import PaymentBlock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cortensor.receipts.bundle import Bundle


class Clash(NamedTuple):
    """A reference that stands for one receipt, and the several that have it.

    `receipts` are their ids, ascending; of one receipt at two places in its session it is there
    once.
    """

    reference: str
    receipts: tuple[str, ...]

    def __str__(self) -> str:
        who = " and ".join(self.receipts)
        return f"{self.reference} is of {who}" + (" twice" if len(self.receipts) == 1 else "")


def payment_references(bundle: Bundle) -> tuple[str, ...]:
    """Return what a receipt may share with no other.

    Its number in its session where it is anchored, the request it answers, and a payment beside the
    session. `session:` and `request:` name chain, contract and session as well.
    """
    body = bundle.receipt
    where = f"{body.chain.chain_id}:{body.chain.session_payment}:{body.session_id}"
    found = [f"request:{where}:{body.request_commitment}"]
    if bundle.anchor is not None:
        found.append(f"session:{where}:{bundle.anchor.index}")
    if isinstance(body.payment, PaymentBlock):
        payment = body.payment
        found.append(f"{payment.scheme}:{payment.network}:{payment.transaction}")
    return tuple(found)


def clashes(bundles: Iterable[Bundle]) -> tuple[Clash, ...]:
    """Return every payment that several receipts have, and every receipt charged twice.

    Bundles count as what they say, so give only those that verify; the same one twice is no clash.
    """
    by_reference: dict[str, set[str]] = {}
    places: dict[str, set[int]] = {}
    for bundle in bundles:
        for reference in payment_references(bundle):
            by_reference.setdefault(reference, set()).add(bundle.receipt_id)
        if bundle.anchor is not None:
            places.setdefault(bundle.receipt_id, set()).add(bundle.anchor.index)
    found = [
        Clash(reference, tuple(sorted(receipts)))
        for reference, receipts in by_reference.items()
        if len(receipts) > 1
    ]
    found += [Clash(f"receipt:{name}", (name,)) for name, at in places.items() if len(at) > 1]
    return tuple(sorted(found))
