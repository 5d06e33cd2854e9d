# SPDX-License-Identifier: Apache-2.0
"""What a receipt may charge at most: the session's own terms, whatever the receipt says."""

from __future__ import annotations

import msgspec

from cortensor.chain.observed import SurchargeEpoch
from cortensor.pricing import Terms, Usage, quote
from cortensor.watch.price import Pin, rightful_charge
from tests.python.watch.making import CARD, EPOCHS, NOW, PIN, STAKE_PIN, receipt

USAGE = Usage(input_units=1000, output_units=500)


def rightful(pin: Pin = PIN, epoch: SurchargeEpoch | None = EPOCHS[1], **terms: int) -> int:
    values = {"replicas": 3, "surcharge_cap_bps": 500, "volume_tier": 1, **terms}
    struct = receipt(1, terms=Terms(**values).pack(), usage=USAGE.pack(), charge=0)
    return rightful_charge(struct, pin, CARD, epoch)


def quoted(surcharge_bps: int, **terms: int) -> int:
    return quote(CARD, surcharge_bps, Terms(**terms), USAGE).total


def test_it_is_the_quote_under_the_sessions_card() -> None:
    assert rightful() == quoted(700, replicas=3, surcharge_cap_bps=500, volume_tier=1) > 0


def test_the_sessions_volume_tier_counts() -> None:
    for tier in range(256):
        assert rightful(volume_tier=tier) == rightful()
    higher = msgspec.structs.replace(PIN, volume_tier=3)
    assert rightful(higher) == quoted(700, replicas=3, surcharge_cap_bps=500, volume_tier=3)


def test_a_surcharge_cap_can_only_be_lower_than_the_sessions() -> None:
    assert rightful(surcharge_cap_bps=2000) == rightful(surcharge_cap_bps=500)
    assert rightful(surcharge_cap_bps=0) == quoted(0, replicas=3, volume_tier=1)
    assert rightful(surcharge_cap_bps=0) < rightful()


def test_no_task_costs_more_than_the_sessions_cap() -> None:
    capped = msgspec.structs.replace(PIN, task_cap_gwei=7)
    assert rightful(capped) == 7 * 10**9
    assert rightful(msgspec.structs.replace(PIN, task_cap_gwei=0)) == 0


def test_an_epoch_that_nobody_could_agree_to_has_no_price() -> None:
    assert rightful(epoch=None) == 0
    assert rightful(epoch=SurchargeEpoch(0, NOW + 1)) == 0
    assert rightful(epoch=SurchargeEpoch(0, NOW)) > 0


def test_what_the_table_refuses_has_no_price() -> None:
    assert rightful(replicas=2) == 0
    assert rightful(model_class=4) == 0
    struct = receipt(1)
    for change in ({"terms": struct.terms | 1 << 200}, {"usage": struct.usage | 1 << 200}):
        stray = msgspec.structs.replace(struct, **change)
        assert rightful_charge(stray, PIN, CARD, EPOCHS[1]) == 0
    huge = Usage(input_units=2**48 - 1, output_units=2**48 - 1, validator_units=2**48 - 1)
    dear = msgspec.structs.replace(struct, usage=huge.pack())
    uncapped = msgspec.structs.replace(PIN, task_cap_gwei=2**64 - 1)
    assert rightful_charge(dear, uncapped, CARD, EPOCHS[1]) >= 0


def test_stake_buys_work_up_to_its_profile() -> None:
    # Bucket 4 is model class 1 with 3 replicas.
    assert rightful(STAKE_PIN, model_class=1, replicas=3) > 0
    assert rightful(STAKE_PIN, model_class=0, replicas=1) > 0
    assert rightful(STAKE_PIN, model_class=2, replicas=1) == 0
    assert rightful(STAKE_PIN, model_class=0, replicas=5) == 0
    assert rightful(msgspec.structs.replace(STAKE_PIN, bucket=0), model_class=0, replicas=1) > 0
    assert rightful(msgspec.structs.replace(STAKE_PIN, bucket=0), replicas=3) == 0


def test_the_receipts_own_version_counts_nothing() -> None:
    struct = receipt(1)
    other = msgspec.structs.replace(struct, version=9)
    assert rightful_charge(other, PIN, CARD, EPOCHS[1]) == struct.charge
