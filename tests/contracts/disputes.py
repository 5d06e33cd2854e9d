# SPDX-License-Identifier: Apache-2.0
"""The protocol with its real dispute contract, a router and a session key that sign, and leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import boa
from eth_utils import keccak

from cortensor.pricing import Terms, Usage
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.typed import Domain, ReceiptStruct
from tests.contracts.protocol import (
    BOND,
    BUCKET_SECONDS,
    CHAIN_ID,
    COR,
    REFERENCE_CARD,
    Protocol,
    StakeBatch,
    VoucherBatch,
    deployer_of,
    item,
    matures_at,
    set_word,
    word,
)
from tests.contracts.signing import account, compact, sign

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from cortensor.pricing import RateCard

PENALTY = 500 * COR
DEPOSIT = 10 * COR
ANSWER_SECONDS = 2 * 86_400
GRACE_SECONDS = 86_400
FORCED_INCLUSION_SECONDS = 900
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"
MICRO = 10**12

ROUTER = account("router")
KEY = account("session key of the payer")
#: Three replicas of the standard class: 0.12 COR or so under the reference card.
TERMS = Terms(sla_tier=1, model_class=1, replicas=3, surcharge_cap_bps=1_000)
USAGE = Usage(input_units=9_000, output_units=30_000, validator_units=1_000)


class Leaf(NamedTuple):
    """The contract's struct of that name."""

    receipt: tuple
    index: int
    cumulative: int
    anchorer: str
    root: bytes
    proof: list[bytes]


class PendingBatch(NamedTuple):
    """The contract's struct of that name."""

    bucket: int
    before: int
    moves: list[int]
    later: list[bytes]


class Claim(NamedTuple):
    """What a session can claim of its router's pending money, and what of it is frozen."""

    claimable: int
    held: int


class Draft(NamedTuple):
    """A leaf before it is in a batch."""

    receipt: ReceiptStruct
    index: int
    cumulative: int


class Disputed(Protocol):
    """A protocol in which `dispute` is the contract, and router 1 settles with a key of its own."""

    def __init__(
        self,
        bond: int = BOND,
        card: RateCard = REFERENCE_CARD,
        penalty: int = PENALTY,
        token: str = "mocks/MockCOR",
    ) -> None:
        super().__init__(token=token, bond=bond, card=card)
        self.challenger = boa.env.generate_address("challenger")
        self.payment.set_settler(1, ROUTER.address, sender=self.settler)
        self.first_settler, self.settler = self.settler, ROUTER.address
        self.anchor.authorise(self.payment, True, sender=self.settler)
        self.fund(self.challenger, 10_000 * COR)
        self.dispute = deploy_dispute(self.payment, penalty=penalty)
        #: (card, bucket, its digest after a batch) -> the digest before it and its moves.
        self.moved: dict[tuple[int, int, int], tuple[int, list[int]]] = {}
        # The plain protocol named an account, and it is named once.
        for contract in (self.payment, self.pool):
            set_word(contract, "dispute", int(self.dispute.address, 16))
        for sender in (self.challenger, self.payer, self.settler):
            self.cor.approve(self.dispute, 2**256 - 1, sender=sender)

    def price(self, receipt: ReceiptStruct, version: int = 1) -> int:
        """Return what the table quotes for a receipt."""
        return self.table.quote(version, receipt.surcharge_epoch, receipt.terms, receipt.usage)[0]

    def receipt(self, session: int, **changes: object) -> ReceiptStruct:
        """Return a receipt that charges what the table quotes, with changes."""
        fields = {
            "receipt_id": self.unique(),
            "session": session,
            "version": 1,
            "surcharge_epoch": 0,
            "terms": TERMS.pack(),
            "usage": USAGE.pack(),
            "charge": 0,
            "request_commitment": self.unique(),
            "outcome": 1,
            "confidence_bps": 9_000,
            "issued_at": boa.env.timestamp,
        }
        plain = ReceiptStruct(**(fields | changes))
        if "charge" in changes:
            return plain
        return ReceiptStruct(**(fields | changes | {"charge": self.price(plain)}))

    def digest(self, receipt: ReceiptStruct) -> bytes:
        """Return what is signed for a receipt."""
        return receipt.digest(Domain(CHAIN_ID, self.payment.address))

    def signature(self, receipt: ReceiptStruct, signer: LocalAccount = ROUTER) -> bytes:
        """Return the router's signature over a receipt."""
        return sign(signer, self.digest(receipt))

    def request_signature(
        self, receipt: ReceiptStruct, most: int, key: LocalAccount = KEY
    ) -> bytes:
        """Return the session key's signature over a receipt's request."""
        return sign(
            key, self.payment.hash_request(receipt.session, receipt.request_commitment, most)
        )

    def leaves(self, *drafts: Draft, anchorer: str | None = None) -> list[Leaf]:
        """Return the leaves of a batch; it is not anchored."""
        hashes = [receipt_leaf(self.digest(d.receipt), d.index, d.cumulative) for d in drafts]
        tree = StandardMerkleTree(hashes)
        return [
            Leaf(*draft._replace(receipt=draft.receipt.abi_tuple()), by, tree.root, tree.proof(i))
            for i, draft in enumerate(drafts)
            for by in (anchorer or self.settler,)
        ]

    def anchored(self, *drafts: Draft, anchorer: str | None = None) -> list[Leaf]:
        """Anchor leaves without settling anything; return them."""
        leaves = self.leaves(*drafts, anchorer=anchorer)
        self.anchor.anchor(leaves[0].root, len(leaves), "", sender=leaves[0].anchorer)
        return leaves

    def settled(self, *drafts: Draft, is_shown: bool = True) -> list[Leaf]:
        """Anchor leaves and settle their sessions to their totals, of whichever funding.

        What moved is shown to the dispute contract, unless a test does that itself.
        """
        leaves = self.leaves(*drafts)
        root, count = leaves[0].root, len(leaves)
        totals = [item(draft.receipt.session, draft.cumulative) for draft in drafts]
        sessions = dict.fromkeys(draft.receipt.session for draft in drafts)
        facts = {session: self.payment.session(session) for session in sessions}
        version = facts[drafts[0].receipt.session].version
        funding = facts[drafts[0].receipt.session].funding
        bucket = boa.env.timestamp // BUCKET_SECONDS
        before = self.payment.moves_digest(1, version, bucket)
        if funding == 0:
            batch = (1, version, root, count, "", totals)
            self.payment.settle(batch, sender=self.settler)
        elif funding == 1:
            vouchers = [
                (total, *compact(KEY, self.payment.hash_voucher(total >> 96, total & (2**96 - 1))))
                for total in totals
            ]
            voucher_batch = VoucherBatch(1, version, root, count, "", vouchers)
            self.payment.settle_vouchers(voucher_batch, sender=self.settler)
        else:
            stake_batch = StakeBatch(1, version, boa.env.timestamp, root, count, "", totals)
            self.payment.settle_stake(stake_batch, sender=self.settler)
        after = self.payment.moves_digest(1, version, bucket)
        if after != before:
            moves, totals_before = [], {s: f.settled for s, f in facts.items()}
            for draft in drafts:
                session = draft.receipt.session
                moved = draft.cumulative - totals_before[session]
                if moved > 0 and draft.cumulative <= self.payment.session(session).settled:
                    moves.append(item(session, moved))
                    totals_before[session] = draft.cumulative
            self.moved[version, bucket, after] = before, moves
            if is_shown:
                for session in {move >> 96 for move in moves}:
                    self.show(session)
        return leaves

    def pending_batches(self, session: int) -> list[PendingBatch]:
        """Return the batches in which a session moved money that is in a bucket still."""
        found = []
        for version, bucket in dict.fromkeys(place[:2] for place in self.moved):
            digest, later = self.payment.moves_digest(session >> 128, version, bucket), []
            while digest:
                before, moves = self.moved[version, bucket, digest]
                if any(move >> 96 == session for move in moves):
                    found.append(PendingBatch(bucket, before, moves, later[::-1]))
                later.append(moves_hash(moves))
                digest = before
        return found

    def show(self, session: int) -> int:
        """Show all that a session has pending and did not show yet; return its wei."""
        total = 0
        for batch in self.pending_batches(session):
            if boa.env.timestamp >= matures_at(batch.bucket):
                # Money that anyone can release is nobody's claim any more.
                continue
            try:
                total += self.dispute.show_pending(session, batch, sender=self.challenger)
            except boa.BoaError as error:
                # The only reason that a test may have made itself.
                if "own: already shown" not in str(error):
                    raise
        return total

    def claim(self, session: int) -> Claim:
        """Return what a session can claim, over all its buckets."""
        found = self.dispute.claims(session)
        return Claim(sum(c.claimable for c in found), sum(c.held for c in found))

    def frozen(self) -> int:
        """Return what the router has frozen, over all buckets."""
        places = dict.fromkeys(place[:2] for place in self.moved)
        return sum(self.payment.held(1, *place) for place in places)

    def demand_of(self, session: int, index: int, settled: int | None = None):
        """Return a demand of the session's total of now, or of another."""
        total = self.payment.session(session).settled if settled is None else settled
        return self.dispute.demand_of(session, index, total)

    def close(
        self, session: int, index: int, settled: int | None = None, sender: str | None = None
    ) -> None:
        """Close a demand of the session's total of now, or of another."""
        total = self.payment.session(session).settled if settled is None else settled
        self.dispute.close_demand(session, index, total, sender=sender or self.stranger)

    def worked(self, session: int, count: int, over: int = 0, **changes: object) -> list[Leaf]:
        """Settle a session's first receipts, each charging `over` wei more than its price."""
        drafts, total = [], 0
        for index in range(1, count + 1):
            receipt = self.receipt(session, **changes)
            if over:
                receipt = self.receipt(session, **({"charge": receipt.charge + over} | changes))
            total += receipt.charge
            drafts.append(Draft(receipt, index, total))
        return self.settled(*drafts)

    def staked(self, bucket: int = 4, amount: int = 10**5 * COR) -> int:
        """Return a stake session whose stake counts already, with a pool to pay from."""
        session = self.open(funding=2, amount=0, salt=bucket.to_bytes(32, "big"), expiry=2**40 - 1)
        self.quota.enrol(self.payer, 1, bucket, False, sender=self.payer)
        self.quota.stake(session, amount, sender=self.payer)
        self.cor.approve(self.quota, 2**256 - 1, sender=self.deployer)
        self.quota.fund_pool(10**4 * COR, sender=self.deployer)
        boa.env.time_travel(seconds=86_400)
        return session

    def bonded(self) -> int:
        """Return the bond of router 1."""
        return self.pool.position(1).amount

    def holdings(self, *owners: str) -> list[int]:
        """Return what accounts hold."""
        return [self.cor.balanceOf(owner) for owner in owners]


def deploy_dispute(
    payment,
    *,
    penalty: int = PENALTY,
    deposit: int = DEPOSIT,
    answer: int = ANSWER_SECONDS,
    grace: int = GRACE_SECONDS,
    forced_inclusion: int = FORCED_INCLUSION_SECONDS,
):
    """Deploy a dispute contract for an escrow; it is not named there."""
    with boa.env.prank(boa.env.generate_address()):
        return deployer_of("SettlementDispute").deploy(
            payment, penalty, deposit, answer, grace, forced_inclusion
        )


def moves_hash(moves: list[int]) -> bytes:
    """Return the hash of a batch's moves, as docs/spec/session-payment.md has it."""
    hashed = bytes(32)
    for move in moves:
        hashed = keccak(hashed + word(move))
    return hashed


def receipt_of(leaf: Leaf) -> ReceiptStruct:
    """Return a leaf's receipt as the package's struct."""
    return ReceiptStruct(**dict(zip(ReceiptStruct.__struct_fields__, leaf.receipt, strict=True)))


def answer(
    own: Disputed,
    leaf: Leaf,
    index: int | None = None,
    *,
    signer: LocalAccount = ROUTER,
    key: LocalAccount | None = None,
    most: int = 0,
    settled: int | None = None,
    sender: str | None = None,
) -> None:
    """Answer a demand with a leaf, the router's signature and, with a key, the request's.

    It is a demand of the session's total of now, unless `settled` says another.
    """
    receipt = receipt_of(leaf)
    if settled is None:
        settled = own.payment.session(receipt.session).settled
    request = own.request_signature(receipt, most, key) if key else b""
    own.dispute.answer(
        receipt.session,
        leaf.index if index is None else index,
        settled,
        leaf,
        own.signature(receipt, signer),
        most,
        request,
        sender=sender or own.settler,
    )
