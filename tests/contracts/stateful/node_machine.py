# SPDX-License-Identifier: Apache-2.0
"""The steps of operators, nodes and a steward at random, on chain and in the model."""

from __future__ import annotations

from typing import Any

import boa
from eth_utils import keccak
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.contracts.nodes import EPOCH_SECONDS, MODELS, EpochTree, Register, consent, node_key
from tests.contracts.protocol import NODE_STAKE, ZERO_ADDRESS, travel
from tests.contracts.reward_cards import busy
from tests.contracts.signing import sign
from tests.contracts.stateful.running import CountingMachine
from tests.model.node_model import NodeModel, Refused

DAY = 86_400
KEYS = [node_key(f"machine {i}") for i in range(3)]
PICKS = st.integers(0, len(KEYS) - 1)
RARELY = st.integers(0, 7).map(lambda number: number == 0)
WAITS = st.one_of(st.integers(0, 5), st.sampled_from((3_600, DAY, 2 * DAY, 3 * DAY)))
PLACES = st.integers(0, 10**6)
#: Epochs from that of a node's level to that of a leaf it is shown to have.
AHEAD = st.integers(-3, 2)
#: Claims of the past that are asked again after every step.
MOST_CLAIMS = 24


class NodeMachine(CountingMachine):
    """Two operators, three nodes, a steward and an owner use one register; `world` is given."""

    world: Register
    refusals = (Refused,)

    def __init__(self) -> None:
        super().__init__()
        chain = self.world.reputation
        self.protocol = self.world.protocol
        self.chain = chain
        self.operators = (self.world.operator, self.world.other)
        self.stakes: dict[tuple[str, str], int] = {}
        self.model = NodeModel(
            now=boa.env.timestamp,
            owner=self.protocol.owner,
            steward=self.world.steward,
            rejoin=chain.REJOIN_SECONDS(),
            appeal_time=chain.APPEAL_SECONDS(),
            resolve_time=chain.RESOLVE_SECONDS(),
            epoch_seconds=EPOCH_SECONDS,
            is_staked=lambda operator, node: self.stakes.get((operator, node), 0) >= NODE_STAKE,
        )
        self.moments = [boa.env.timestamp]
        self.claims: list[tuple[tuple[str, str, int, int], bool]] = []
        self.steps = 0

    def _wait(self, seconds: int) -> None:
        travel(seconds)
        self.model.now += seconds
        self.moments.append(self.model.now)

    def any_away(self) -> bool:
        """Return whether some node could be registered."""
        known = [self.model.of(key.address) for key in KEYS]
        return any(node.now() is None and node.disqualified_at is None for node in known)

    def anyone(self, node: str, *, is_other: bool) -> str:
        """Return the operator of a node's last stay, or somebody else."""
        stays = self.model.of(node).stays
        return self.protocol.stranger if is_other or not stays else stays[-1].operator

    # Stake and the register.

    @initialize()
    def stake_for_all(self):
        """Each operator stakes for each node, and two nodes are registered."""
        for key in KEYS:
            for operator in self.operators:
                self.world.stake(key.address, operator)
                self.stakes[operator, key.address] = NODE_STAKE
        for pick in (0, 1):
            self.register(pick, pick, is_forged=False, is_early=False)

    @rule(pick=PICKS, by=st.integers(0, 1), is_back=st.booleans())
    def move_stake(self, pick, by, is_back):
        operator, node = self.operators[by], KEYS[pick].address
        position = self.world.pool.node_position(operator, node)
        if is_back:
            self.world.pool.stake(position, 1, sender=operator)
        else:
            self.world.pool.request_unstake(position, 1, sender=operator)
        self.stakes[operator, node] += 1 if is_back else -1
        self.successes["move_stake"] += 1

    @precondition(lambda self: self.any_away())
    @rule(pick=PICKS, by=st.integers(0, 1), is_forged=RARELY, is_early=RARELY)
    def register(self, pick, by, is_forged, is_early):
        key, operator = KEYS[pick], self.operators[by]
        stays = self.model.of(key.address).stays
        if stays and stays[-1].end is not None:
            at = stays[-1].end + self.model.rejoin - is_early
            self._wait(max(at - self.model.now, 0))
        deadline = self.model.now
        number = len(stays) + (0 if is_forged else 1)
        signature = sign(key, consent(self.chain, key.address, operator, number, deadline))
        terms = (key.address, MODELS, 1, deadline, signature)
        self.both(
            "register",
            lambda: self.chain.register(*terms, sender=operator),
            lambda: self.model.register(key.address, operator, has_consent=not is_forged),
        )

    @rule(pick=PICKS, who=st.sampled_from(("operator", "node", "stranger")))
    def retire(self, pick, who):
        node = KEYS[pick].address
        sender = node if who == "node" else self.anyone(node, is_other=who == "stranger")
        self.both(
            "retire",
            lambda: self.chain.retire(node, sender=sender),
            lambda: self.model.retire(node, sender),
        )

    def _over(self, pick: int, ahead: int) -> int:
        """Wait until an epoch near that of a node's level is over, and return it."""
        epoch = self.model.level(KEYS[pick].address)[0] + ahead
        # Of a node that nobody registered yet, the first epochs there are.
        epoch = max(epoch, self.moments[0] // EPOCH_SECONDS - 3)
        self._wait(max((epoch + 1) * EPOCH_SECONDS - self.model.now, 0))
        return epoch

    @rule(pick=PICKS, level=st.integers(0, 10), streak=st.integers(0, 99), ahead=AHEAD)
    def sync(self, pick, level, streak, ahead):
        """With a leaf of an epoch that is over: of this stay, of the one before, or of neither."""
        node = KEYS[pick].address
        epoch = self._over(pick, ahead)
        tree = EpochTree(
            [
                (self.operators[0], node, busy(level_after=level, streak_after=streak)),
                (self.operators[1], self.protocol.treasury, busy()),
            ]
        )
        self.world.reward.set_root(epoch, tree.seal)
        shown = tree.show(node)
        self.both(
            "sync",
            lambda: self.chain.sync(epoch, *shown, sender=self.protocol.stranger),
            lambda: self.model.sync(node, epoch, level, streak),
        )

    @rule(levels=st.lists(st.integers(0, 10), min_size=3, max_size=3), pick=PICKS, ahead=AHEAD)
    def sync_run(self, levels, pick, ahead):
        """All nodes at once, of an epoch that is newer than what is known of some of them."""
        epoch = self._over(pick, ahead)
        said = {key.address: level for key, level in zip(KEYS, levels, strict=True)}
        tree = EpochTree(
            [(self.operators[0], node, busy(level_after=level)) for node, level in said.items()]
        )
        self.world.reward.set_root(epoch, tree.seal)
        streak = busy().streak_after
        self.both(
            "sync_run",
            lambda: self.chain.sync_run(epoch, *tree.run(0, 4), sender=self.protocol.stranger),
            lambda: self.model.sync_run(epoch, {node: (at, streak) for node, at in said.items()}),
        )

    # Disqualification.

    @rule(pick=PICKS, is_other=RARELY, text=st.integers(0, 99))
    def accuse(self, pick, is_other, text):
        node = KEYS[pick].address
        sender = self.protocol.owner if is_other else self.world.steward
        evidence = keccak(text.to_bytes(1, "big"))
        self.both(
            "accuse",
            lambda: self.chain.accuse(node, evidence, sender=sender),
            lambda: self.model.accuse(node, evidence, sender),
        )

    @rule(pick=PICKS, text=st.integers(0, 99), then=st.integers(0, 3))
    def accuse_and_go_on(self, pick, text, then):
        """Accuse as soon as that may be, and take it further at once."""
        known = self.model.of(KEYS[pick].address)
        last = known.accusation.lapses_at if known.accusation else known.ended_at
        if last is not None and self.model.live(KEYS[pick].address) is None:
            self._wait(max(last + self.model.appeal_time - self.model.now, 0))
        self.accuse(pick, is_other=False, text=text)
        if then >= 1:
            self.appeal(pick, is_other=False)
        if then >= 2:
            self.resolve(pick, is_upheld=then == 3 and text % 4 == 0, is_other=False)

    @precondition(lambda self: self.any_accused())
    @rule(pick=PICKS, is_other=RARELY)
    def appeal(self, pick, is_other):
        node = self._accused(pick)
        sender = self.anyone(node, is_other=is_other)
        self.both(
            "appeal",
            lambda: self.chain.appeal(node, sender=sender),
            lambda: self.model.appeal(node, sender),
        )

    @precondition(lambda self: self.any_accused())
    @rule(pick=PICKS, is_upheld=RARELY, is_other=RARELY)
    def resolve(self, pick, is_upheld, is_other):
        node = self._accused(pick)
        sender = self.world.steward if is_other else self.protocol.owner
        self.both(
            "resolve",
            lambda: self.chain.resolve(node, is_upheld, sender=sender),
            lambda: self.model.resolve(node, is_upheld=is_upheld, sender=sender),
        )

    @precondition(lambda self: self.any_accused())
    @rule(pick=PICKS, late=st.sampled_from((-1, 0, 0, 1)))
    def wait_and_disqualify(self, pick, late):
        """Wait until an accusation can be executed, or lapses, to the second."""
        node = self._accused(pick)
        found = self.model.live(node)
        if found is not None:
            at = found.lapses_at if late == 1 else found.executable_at + late
            self._wait(max(at - self.model.now, 0))
        self.both(
            "disqualify",
            lambda: self.chain.disqualify(node, sender=self.protocol.stranger),
            lambda: self.model.disqualify(node),
        )

    def any_accused(self) -> bool:
        """Return whether some node has an accusation that can be acted on."""
        return any(self.model.live(key.address) for key in KEYS)

    def _accused(self, pick: int) -> str:
        accused = [key.address for key in KEYS if self.model.live(key.address)]
        return accused[pick % len(accused)] if accused else KEYS[pick].address

    @rule(seconds=WAITS, is_to_edge=st.booleans())
    def wait(self, seconds, is_to_edge):
        """Now and then to where an epoch begins, so that stays do too, or some seconds later."""
        self._wait((seconds - self.model.now) % EPOCH_SECONDS if is_to_edge else seconds)

    # What holds after every step.

    @rule(pick=PICKS, by=st.integers(0, 1), places=st.tuples(PLACES, PLACES))
    def claim(self, pick, by, places):
        """INV-N2: note what the register says of a time that is over."""
        known = self.model.of(KEYS[pick].address).stays
        edges = [edge for stay in known for edge in (stay.start, stay.end) if edge is not None]
        moments = [*edges, *edges, *self.moments]
        start, end = sorted(moments[place % len(moments)] for place in places)
        if start == end or len(self.claims) >= MOST_CLAIMS:
            return
        question = (self.operators[by], KEYS[pick].address, start, end)
        answer = self.chain.was_active(*question)
        assert answer == self.model.was_active(*question)
        self.claims.append((question, answer))
        self.successes["claim (was)" if answer else "claim (was not)"] += 1

    @invariant()
    def inv_n2_what_was_said_of_the_past_still_holds(self):
        """One claim a step, in turn; all of them at the end."""
        self.steps += 1
        if self.claims:
            question, answer = self.claims[self.steps % len(self.claims)]
            assert self.chain.was_active(*question) == answer

    @invariant()
    def a_node_is_as_the_model_says(self):
        self.check_node(KEYS[self.steps % len(KEYS)].address)

    def check_node(self, node: str) -> None:
        """Compare all that both say of a node."""
        known, facts = self.model.of(node), self.chain.node(node)
        last = known.stays[-1] if known.stays else None
        assert facts[:5] == (
            last.operator if last else ZERO_ADDRESS,
            last.start if last else 0,
            (last.end or 0) if last else 0,
            len(known.stays),
            known.disqualified_at or 0,
        )
        assert (facts.level_epoch, facts.level, facts.streak) == self.model.level(node)
        # INV-N1, INV-N5
        assert self.chain.is_eligible(node) == self.model.is_eligible(node)
        live = self.model.live(node)
        expected = (bytes(32), 0, 0, False)
        if live is not None:
            expected = (live.evidence, live.executable_at, live.lapses_at, live.is_appealed)
        assert self.chain.accusation(node) == expected

    def everybody_leaves(self) -> None:
        """INV-N7: with owner, steward and pool silent, each node is retired by itself."""
        for key in KEYS:
            if self.model.of(key.address).now() is not None:
                self.chain.retire(key.address, sender=key.address)
                self.model.retire(key.address, key.address)
                self.successes["left"] += 1
        self._wait(1)
        for key in KEYS:
            self.check_node(key.address)
        for question, answer in self.claims:
            assert self.chain.was_active(*question) == answer
        for key in KEYS:
            self.check_whole_past(key.address)

    def check_whole_past(self, node: str) -> None:
        """Ask about each stay, to the second and a second off, as the model remembers it."""
        for stay in self.model.of(node).stays:
            for start, end in ((stay.start, stay.end), (stay.start - 1, stay.end)):
                for longer in (0, 1):
                    if start < end + longer <= self.model.now:
                        for operator in self.operators:
                            question = (operator, node, start, end + longer)
                            expected = self.model.was_active(*question)
                            assert self.chain.was_active(*question) == expected
                            self.successes["asked (was)" if expected else "asked (was not)"] += 1


def node_world(protocol: Any) -> Register:
    """Return a bound register on a pool of the protocol's."""
    world = Register(protocol)
    world.bind()
    return world
