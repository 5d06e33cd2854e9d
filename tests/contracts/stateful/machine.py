# SPDX-License-Identifier: Apache-2.0
"""The steps of payers, routers, an owner and strangers who use one escrow at random."""

from __future__ import annotations

import boa
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
)

from tests.contracts.protocol import (
    BUCKET_SECONDS,
    CHALLENGE_WINDOW_SECONDS,
    DELAY_SECONDS,
    REFERENCE_CARD,
    SETTLE_WINDOW_SECONDS,
    ZERO_ADDRESS,
    VoucherBatch,
    item,
    word,
)
from tests.contracts.signing import account, compact
from tests.contracts.stateful.comparison import DAY, URI
from tests.contracts.stateful.dispute_steps import AMOUNTS, PICKS, RARELY, DisputeSteps
from tests.model.payment_model import STAKE, VOUCHER, Card, Session

HOUR = 3_600
KEY = account("session key")
OTHER_KEY = account("other session key")

PAYERS = st.sampled_from(("payer", "payer", "other payer", "third payer", "fourth payer"))
ROUTERS = st.sampled_from((1, 1, 1, 1, 2, 2, 2, 3))
FUNDINGS = st.sampled_from((0, 0, 0, 1, 1, 3))
# How the total of an item relates to the session: beyond what is settled, or the deposit.
TOTALS = st.sampled_from(("some", "some", "one", "all", "some", "again", "lower", "too much"))
NEWER = st.sampled_from((0, 0, 0, 0, 1, 1, -1))
HOURS = st.sampled_from((4_000, 2_000, 2_000, 1_000, 400, 50, 1, 0))


class PaymentMachine(DisputeSteps):
    """Payers, two routers, an owner and strangers use one escrow at random."""

    # Payers.

    @rule(
        payer=PAYERS,
        router=ROUTERS,
        amount=AMOUNTS,
        hours=HOURS,
        tier=st.sampled_from((0, 1, 2, 3, 3, 4)),
        newer=NEWER,
        # From 32 on: the ids below are those of stake accounts.
        salt=st.integers(32, 62),
        funding=FUNDINGS,
        has_key=st.sampled_from((True, True, True, False)),
    )
    def open(self, payer, router, amount, hours, tier, newer, salt, funding=0, has_key=False):
        account = self.people[payer]
        version = self.model.adopted + newer
        expiry = self.model.now + hours * HOUR
        signer = KEY.address if has_key else None
        request = self.protocol.request(
            router_id=router,
            version=version,
            volume_tier=tier,
            funding=funding,
            session_key=signer or ZERO_ADDRESS,
            expiry=expiry,
            amount=amount,
            salt=word(salt),
        )
        key = self.payment.session_id(account, router, word(salt))
        self.touched.add(key)
        session = Session(account, router, amount, expiry, version, tier, funding, signer)
        opened = self.both(
            "open",
            lambda: self.payment.open(request, sender=account),
            lambda: self.model.open(key, session),
        )
        if opened and funding == VOUCHER:
            self.successes["open (vouchers)"] += 1

    @initialize(amounts=st.lists(st.integers(10, 20_000), min_size=2, max_size=4))
    def open_some(self, amounts):
        for i, amount in enumerate(amounts):
            payer = list(self.people)[i % len(self.people)]
            # The second is paid by vouchers.
            kind = (VOUCHER, True) if i == 1 else (0, False)
            self.open(payer, i % 3 // 2 + 1, amount, 1_000 * (i + 1), i, 0, 100 + i, *kind)

    @rule(number=PICKS, amount=AMOUNTS, sender=PAYERS)
    def top_up(self, number, amount, sender):
        key, account = self.pick(number), self.people[sender]
        self.both(
            "top_up",
            lambda: self.payment.top_up(key, amount, sender=account),
            lambda: self.model.top_up(key, amount, account),
        )

    @rule(number=PICKS, by_other=RARELY)
    def request_close(self, number, by_other):
        key = self.pick(number)
        session = self.model.sessions.get(key)
        sender = self.protocol.stranger if by_other or session is None else session.payer
        self.both(
            "request_close",
            lambda: self.payment.request_close(key, sender=sender),
            lambda: self.model.request_close(key, sender),
        )

    @rule(number=PICKS)
    def withdraw(self, number):
        key = self.pick(number)
        self.both(
            "withdraw",
            lambda: self.payment.withdraw(key, sender=self.protocol.stranger),
            lambda: self.model.withdraw(key),
        )

    @precondition(lambda self: self.model.sessions)
    @rule(number=PICKS, is_early=RARELY)
    def wait_and_withdraw(self, number, is_early):
        """Wait for the end of a session that ends soon, or close it first."""
        key = self.pick(number)
        session = self.model.sessions.get(key)
        if session is None or session.funding == STAKE:
            return  # a stake session has neither a deposit nor an end of its own
        if session.expiry > self.model.now + DAY:
            self.request_close(number, by_other=False)
        at = self.model.sessions[key].expiry + SETTLE_WINDOW_SECONDS + (0 if is_early else 1)
        self._wait(max(at - self.model.now, 0))
        self.withdraw(number)

    # Routers.

    @rule(
        router=st.sampled_from((1, 1, 2)),
        version_of=PICKS,
        items=st.lists(st.tuples(PICKS, TOTALS), min_size=1, max_size=5),
        by_other=RARELY,
        stray=RARELY,
    )
    def settle(self, router, version_of, items, by_other, stray):
        own = [key for key, s in self.model.sessions.items() if s.router == router]
        keys = list(self.model.sessions) if stray else [*own, *own, router << 128 | 7]
        version = self.model.adopted
        if own:
            version = self.model.sessions[own[version_of % len(own)]].version
        totals = []
        for number, kind in items:
            key = keys[number % len(keys)] if keys else router << 128 | 7
            totals.append((key, self._total(key, kind)))
        sender = self.protocol.payer if by_other else self.model.settlers[router]
        self._settle("settle", (sender, router, version, self.new_root(), totals))

    @rule(
        router=st.sampled_from((1, 1, 2)),
        items=st.lists(st.tuples(PICKS, TOTALS, RARELY), min_size=1, max_size=4),
    )
    def settle_vouchers(self, router, items):
        """INV-P3: only what the session's key signed moves a voucher session."""
        own = [k for k, s in self.model.sessions.items() if s.router == router]
        keys = [k for k in own if self.model.sessions[k].funding == VOUCHER] or own
        if not keys:
            return
        version = self.model.sessions[keys[items[0][0] % len(keys)]].version
        sender, root = self.model.settlers[router], self.new_root()
        totals, signers, vouchers = [], [], []
        for number, kind, by_other in items:
            key = keys[number % len(keys)]
            total = self._total(key, kind)
            signer = OTHER_KEY if by_other else KEY
            digest = self.payment.hash_voucher(key, total)
            totals.append((key, total))
            signers.append(signer.address)
            vouchers.append((item(key, total), *compact(signer, digest)))
        self.touched.update(key for key, _ in totals)
        batch = VoucherBatch(router, version, root, len(totals), URI, vouchers)
        moved = self.both(
            "settle_vouchers",
            lambda: self.payment.settle_vouchers(batch, sender=sender),
            lambda: self.model.settle(
                sender,
                router,
                version,
                root=root,
                count=len(totals),
                totals=totals,
                signers=signers,
            ),
        )
        self.check_skipped(moved)
        if moved:
            self.successes["settle_vouchers (moved)"] += 1

    def _total(self, key: int, kind: str) -> int:
        session = self.model.sessions.get(key)
        if session is None:
            return 1
        left = session.deposit - session.settled
        return {
            "again": session.settled,
            "lower": session.settled // 2,
            "one": session.settled + 1,
            "some": session.settled + (left + 2) // 3,
            "all": session.deposit,
            "too much": session.deposit + 1,
        }[kind]

    def _settle(self, name: str, batch: tuple[str, int, int, bytes, list[tuple[int, int]]]) -> None:
        sender, router, version, root, totals = batch
        self.touched.update(key for key, _ in totals)
        count = max(len(totals), 1)
        sent = self.protocol.batch(
            *totals, router_id=router, version=version, root=root, count=count, uri=URI
        )
        moved = self.both(
            name,
            lambda: self.payment.settle(sent, sender=sender),
            lambda: self.model.settle(
                sender, router, version, root=root, count=count, totals=totals
            ),
        )
        self.check_skipped(moved)
        if moved is not None:
            self.batches.append(batch)
        if moved:
            self.successes[f"{name} (moved)"] += 1

    @rule(router=st.sampled_from((1, 2)), number=PICKS, kind=TOTALS)
    def settle_one(self, router, number, kind):
        self.settle(router, number, [(number, kind)], by_other=False, stray=False)

    @precondition(lambda self: self.batches)
    @rule(number=PICKS)
    def resend(self, number):
        """INV-P4: a batch that was sent moves nothing more, whatever happened since."""
        self._settle("resend", self.batches[-1 - number % min(len(self.batches), 3)])

    @rule(router=st.sampled_from((1, 2)), by=st.sampled_from(("owner", "settler", "payer")))
    def set_settler(self, router, by):
        chain = self.protocol
        old = self.model.settlers[router]
        usual = (chain.settler, chain.other_settler)[router - 1]
        new = chain.stranger if old == usual else usual
        sender = {"owner": chain.owner, "settler": old, "payer": chain.payer}[by]
        if by != "settler":
            with boa.reverts("router: caller is not settler"):
                self.payment.set_settler(router, new, sender=sender)
            return
        self.payment.set_settler(router, new, sender=sender)
        self.model.settlers[router] = self.pool_model.settlers[router] = new
        self.successes["set_settler"] += 1

    # Anyone.

    @rule(number=PICKS, is_off=RARELY)
    def release(self, number, is_off):
        slots = [*self.model.buckets, (1, 1, self.model.now // BUCKET_SECONDS)]
        router, version, bucket = slots[number % max(len(slots) - 1, 1)]
        bucket += is_off
        self.both(
            "release",
            lambda: self.payment.release(router, version, bucket, sender=self.protocol.stranger),
            lambda: self.model.release(router, version, bucket),
        )

    @precondition(lambda self: self.model.buckets)
    @rule(number=PICKS, is_early=RARELY)
    def wait_and_release(self, number, is_early):
        slots = list(self.model.buckets)
        bucket = slots[number % len(slots)][2]
        matures_at = (bucket + 1) * BUCKET_SECONDS + CHALLENGE_WINDOW_SECONDS
        self._wait(max(matures_at - is_early - self.model.now, 0))
        self.release(number, is_off=False)

    @rule(pot=st.integers(0, 2))
    def pay_pot(self, pot):
        self.both(
            "pay_pot",
            lambda: self.payment.pay_pot(pot, sender=self.protocol.stranger),
            lambda: self._pay_pot_in_model(pot),
        )

    def _pay_pot_in_model(self, pot):
        paid = self.model.pay_pot(pot)
        self.quota_model.sweep()
        return paid

    @rule(amount=st.integers(1, 1_000))
    def send_tokens_unasked(self, amount):
        self.protocol.cor.transfer(self.payment, amount, sender=self.protocol.deployer)
        self.model.unasked += amount
        self.successes["send_tokens_unasked"] += 1

    @rule(seconds=st.sampled_from((1, 60, 900, BUCKET_SECONDS, HOUR, HOUR + 1)))
    def wait(self, seconds):
        self._wait(seconds)

    @rule(sender=st.sampled_from(("settler", "owner", "stranger")))
    def anchor_for_another(self, sender):
        """INV-A3: nobody but the escrow writes a settler's log."""
        anchorer = self.protocol.other_settler
        with boa.reverts("anchor: caller not authorised"):
            self.anchor.anchor_for(
                anchorer, word(self.steps), 1, "", sender=getattr(self.protocol, sender)
            )

    @rule(whose=st.sampled_from(("settler", "other_settler")), is_known=st.booleans())
    def tell_batch(self, whose, is_known):
        """INV-A2: a batch that is only told is in the head, between those of settlements."""
        anchorer = getattr(self.protocol, whose)
        log = self.model.anchor.logs.get(anchorer, [])
        root = log[-1].root if is_known and log else self.new_root()
        count = self.steps + 1
        self.anchor.anchor_event(root, count, URI, sender=anchorer)
        self.model.anchor.tell(anchorer, root, count, self.model.now)
        self.successes["tell_batch"] += 1

    # The owner and the guardian.

    @rule(node=st.integers(-1_000, 1_000), is_waited_for=st.booleans())
    def publish(self, node, is_waited_for):
        latest = self.table.latest_version()
        fields = list(REFERENCE_CARD.abi_tuple())
        before, validator_bps = self.table.shares(latest)
        fields[-2] = min(max(before + node, 0), 10_000 - validator_bps)
        effective_at = self.model.now + DELAY_SECONDS
        card = Card(effective_at, fields[-2], validator_bps)
        version = self.both(
            "publish",
            lambda: self.table.publish(fields, sender=self.protocol.owner),
            lambda: self.model.publish(card),
        )
        if version and is_waited_for:
            self._wait(DELAY_SECONDS)

    @rule()
    def adopt_card(self):
        self.both(
            "adopt_card",
            lambda: self.payment.adopt_card(sender=self.protocol.stranger),
            self.model.adopt_card,
        )

    @rule(opening=RARELY, settlement=RARELY, by=st.sampled_from(("owner", "guardian")))
    def set_pause(self, opening, settlement, by):
        self.payment.set_pause(opening, settlement, sender=getattr(self.protocol, by))
        self.model.opening_paused, self.model.settle_paused = opening, settlement
        self.successes["set_pause"] += 1
