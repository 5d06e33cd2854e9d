# SPDX-License-Identifier: Apache-2.0
"""The economic parameters of one network: `config/<network>.toml`, decoded strictly.

Every wrong key is one `InvalidInput` that names the file's key. Units stand in the key names.
Roles may be an address, `deployer`, or `test:N` (Ape's N-th test account); the last two only
where the file says that its network is local. `none` is for roles that nobody need have.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from eth_utils import is_checksum_address, to_checksum_address
from msgspec import Meta, Struct

from cortensor.errors import InvalidInput
from cortensor.pricing import RateCard
from cortensor.rewards import RewardCard
from scripts._deploy import limits, reward_limits

MAX_WINDOW_SECONDS = 30 * 86_400
MAX_COOLDOWN_SECONDS = 60 * 86_400
MAX_REJOIN_SECONDS = 90 * 86_400
MIN_EXPIRY_SECONDS = 90 * 86_400
MAX_EXPIRY_SECONDS = 3_650 * 86_400
DEPLOYER = "deployer"
MOCK, WRAPPED = "mock", "wrapped"
TOKENS = {MOCK: "MockCOR", WRAPPED: "WrappedCOR"}
"""Tokens that are deployed with the rest, by what the configuration calls them."""
NONE = "none"
REWARD_FUND = "reward-fund"
"""What the node pot's recipient is called where it is the RewardFund of the same deployment."""
ZERO_ADDRESS = "0x" + "00" * 20

Positive = Annotated[int, Meta(ge=1)]
Window = Annotated[int, Meta(ge=1, le=MAX_WINDOW_SECONDS)]
Delay = Annotated[int, Meta(ge=0, le=MAX_WINDOW_SECONDS)]
Cooldown = Annotated[int, Meta(ge=1, le=MAX_COOLDOWN_SECONDS)]
Wei = str | int
"""Wei of COR; a string, since TOML's integers end at 2**63."""

# Zero is a valid choice there: nobody may pause, propose a slash, accuse a node, or veto a root.
_OPTIONAL_ROLES = ("roles.guardian", "roles.slasher", "roles.steward", "roles.reward_guardian")
_Card = TypeVar("_Card", RateCard, RewardCard)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_TEST = re.compile(r"test:[0-9]{1,2}")
_MSGSPEC_PATH = re.compile(r"^(?P<reason>.*?)(?: - at `\$\.?(?P<path>.*?)`)?$", re.DOTALL)
_MSGSPEC_FIELD = re.compile(
    r"^Object (?P<what>missing required|contains unknown) field `(?P<name>.+)`$"
)


class Network(Struct, frozen=True, forbid_unknown_fields=True):
    """Which chain the file is for.

    `forced_inclusion_seconds` is how long a sequencer can keep a transaction out: settle and
    challenge windows below twice that would let it decide who is paid.
    """

    name: Annotated[str, Meta(pattern="^[a-z0-9-]{1,40}$")]
    chain_ids: Annotated[list[Positive], Meta(min_length=1)]
    is_local: bool
    forced_inclusion_seconds: Annotated[int, Meta(ge=0, le=MAX_WINDOW_SECONDS)]


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """SessionPaymentTable; `card_file` is relative to the configuration file."""

    card_file: Annotated[str, Meta(min_length=1)]
    publication_delay_seconds: Delay


class Payment(Struct, frozen=True, forbid_unknown_fields=True):
    """SessionPayment's windows, fixed at deployment."""

    settle_window_seconds: Window
    challenge_window_seconds: Window
    bucket_seconds: Window


class Pool(Struct, frozen=True, forbid_unknown_fields=True):
    """StakePool: nodes' stake and routers' bonds, fixed at deployment."""

    cooldown_seconds: Cooldown
    node_stake_wei: Wei
    min_bond_wei: Wei
    cover_bps: Annotated[int, Meta(ge=1, le=1_000_000)]
    slash_cap_bps: Annotated[int, Meta(ge=1, le=10_000)]
    appeal_seconds: Window
    resolve_seconds: Window


class Quota(Struct, frozen=True, forbid_unknown_fields=True):
    """StakeQuota: what stake buys. Only the cool-down is fixed at deployment.

    `rates_ppm` are millionths of the stake free a day, by model class * 3 + (replicas - 1) / 2.
    """

    cooldown_seconds: Annotated[int, Meta(ge=14 * 86_400 + 1, le=MAX_COOLDOWN_SECONDS)]
    rates_ppm: Annotated[
        list[Annotated[int, Meta(ge=0, lt=2**20)]], Meta(min_length=12, max_length=12)
    ]
    cap_wei: Wei
    rate_wei_per_tick: Wei
    burst_ticks: Annotated[int, Meta(ge=0, lt=2**16)]
    spending_limit_wei: Wei


class Dispute(Struct, frozen=True, forbid_unknown_fields=True):
    """SettlementDispute, fixed at deployment."""

    penalty_wei: Wei
    deposit_wei: Wei
    answer_seconds: Window
    grace_seconds: Window


class Reputation(Struct, frozen=True, forbid_unknown_fields=True):
    """NodeReputation, fixed at deployment."""

    rejoin_seconds: Annotated[int, Meta(ge=1, le=MAX_REJOIN_SECONDS)]
    appeal_seconds: Window
    resolve_seconds: Window


class Rewards(Struct, frozen=True, forbid_unknown_fields=True):
    """RewardTable and NodeReward; all but the card is fixed at deployment.

    `card_file` is relative to the configuration file.
    """

    card_file: Annotated[str, Meta(min_length=1)]
    card_delay_seconds: Window
    epoch_seconds: Window
    post_seconds: Window
    window_seconds: Window
    veto_delay_seconds: Window
    veto_seconds: Window
    expiry_seconds: Annotated[int, Meta(ge=MIN_EXPIRY_SECONDS, le=MAX_EXPIRY_SECONDS)]
    cooldown_seconds: Cooldown
    bond_wei: Wei


class Token(Struct, frozen=True, forbid_unknown_fields=True):
    """COR: the live token's address, or one that is deployed with the rest.

    `wrapped` wraps the chain's own coin, `mock` mints its supply to the deployer.
    """

    address: str
    mock_supply_wei: Wei | None = None


class Roles(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may do what, and who is paid; the node pot may be `reward-fund`."""

    owner: str
    oracle: str
    guardian: str
    slasher: str
    steward: str
    reward_guardian: str
    node_pot: str
    validator_pot: str
    treasury: str


class Router(Struct, frozen=True, forbid_unknown_fields=True):
    """A router; its id is its place in the file, from 1.

    Where `bond_wei` is given, the deployment opens the bond, and `bond_owner` may ask it back.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    settler: str
    bond_owner: str | None = None
    bond_wei: Wei | None = None


class DeployConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file with the cards it names. Build variants with `msgspec.structs.replace`."""

    network: Network
    table: Table
    payment: Payment
    pool: Pool
    quota: Quota
    dispute: Dispute
    reputation: Reputation
    rewards: Rewards
    token: Token
    roles: Roles
    routers: Annotated[list[Router], Meta(min_length=1)]
    card: RateCard | None = None
    reward_card: RewardCard | None = None

    def first_card(self) -> RateCard:
        """Return the rate card. Raises InvalidInput if none was read."""
        if self.card is None:
            raise InvalidInput("no rate card was read", field="table.card_file")
        return self.card

    def first_reward_card(self) -> RewardCard:
        """Return the reward card. Raises InvalidInput if none was read."""
        if self.reward_card is None:
            raise InvalidInput("no reward card was read", field="rewards.card_file")
        return self.reward_card


def load_config(path: str | Path) -> DeployConfig:
    """Read, decode and check a configuration file and the cards it names.

    Raises:
        InvalidInput: `<file>: <key>` and what is expected there.
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", field=str(source)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"is not TOML: {error}", field=str(source)) from error
    for key, file_key in (("card", "table.card_file"), ("reward_card", "rewards.card_file")):
        if key in document:
            reason = f"belongs into the file that {file_key} names"
            raise InvalidInput(reason, field=f"{source}: {key}")
    try:
        config = _decode(document)
        check_config(config)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=f"{source}: {error.field}") from error
    return msgspec.structs.replace(
        config,
        card=_card(source.parent / config.table.card_file, RateCard.load),
        reward_card=_card(source.parent / config.rewards.card_file, RewardCard.load),
    )


def _card(path: Path, load: Callable[[Path], _Card]) -> _Card:
    try:
        return load(path)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=f"{path}: {error.field}") from error


def check_config(config: DeployConfig) -> None:
    """Check what types cannot say: windows against censorship, amounts, the form of roles.

    Empty roles pass here; `resolve` refuses them, or fills them in a rehearsal. What constructors
    refuse is refused here as well, before it costs gas.
    """
    network = config.network
    limits.check_windows(config)
    limits.check_amounts(config)
    reward_limits.check_rewards(config)
    _check_token(config)
    for key, value in named_roles(config).items():
        _check_role(value, key, is_local=network.is_local)
    settlers = [router.settler.lower() for router in config.routers if router.settler]
    for index, settler in enumerate(settlers):
        if settler in settlers[:index]:
            raise InvalidInput(
                "is the settler of another router", field=f"routers[{index}].settler"
            )


def named_roles(config: DeployConfig) -> dict[str, str]:
    """Return every role by its key in the file."""
    roles = {f"roles.{name}": getattr(config.roles, name) for name in Roles.__struct_fields__}
    for index, router in enumerate(config.routers):
        roles[f"routers[{index}].settler"] = router.settler
        if router.bond_owner is not None:
            roles[f"routers[{index}].bond_owner"] = router.bond_owner
    return roles


def resolve(
    config: DeployConfig,
    deployer: str,
    test_address: Callable[[int], str],
    *,
    rehearse: bool = False,
) -> DeployConfig:
    """Return the configuration with an address in every role, or `reward-fund` for the node pot.

    Args:
        config: what `load_config` returned.
        deployer: the deployer's address.
        test_address: gives the address of the N-th test account.
        rehearse: whether empty roles become the deployer (only for nodes of one's own).

    Raises:
        InvalidInput: naming an empty or zero role.
    """

    def address(value: str, key: str) -> str:
        if value == DEPLOYER or (value == "" and rehearse):
            return to_checksum_address(deployer)
        if value == "":
            raise InvalidInput("is empty: give the address", field=key)
        if value == NONE:
            return ZERO_ADDRESS
        if value == REWARD_FUND:
            return value
        if value.startswith("test:"):
            return to_checksum_address(test_address(int(value.removeprefix("test:"))))
        return to_checksum_address(value)

    roles = {
        name: address(getattr(config.roles, name), f"roles.{name}")
        for name in Roles.__struct_fields__
    }
    routers = [
        msgspec.structs.replace(
            router,
            settler=address(router.settler, f"routers[{i}].settler"),
            bond_owner=None
            if router.bond_owner is None
            else address(router.bond_owner, f"routers[{i}].bond_owner"),
        )
        for i, router in enumerate(config.routers)
    ]
    if config.token.address == "":
        raise InvalidInput("is empty: give COR's address on this chain", field="token.address")
    return msgspec.structs.replace(config, roles=Roles(**roles), routers=routers)


def mock_supply_wei(config: DeployConfig) -> int:
    """Return the mock token's supply in wei."""
    return int(config.token.mock_supply_wei or 0)


def _check_token(config: DeployConfig) -> None:
    token = config.token
    if token.address == MOCK:
        if not config.network.is_local:
            raise InvalidInput("`mock` is for local networks only", field="token.address")
        limits.check_supply(token.mock_supply_wei)
        return
    if token.mock_supply_wei is not None:
        raise InvalidInput("goes with address = `mock` only", field="token.mock_supply_wei")
    if token.address not in ("", WRAPPED):
        _check_address(token.address, "token.address")


def _check_role(value: str, key: str, *, is_local: bool) -> None:
    if (value == "" and not is_local) or (value == NONE and key in _OPTIONAL_ROLES):
        return
    if value == REWARD_FUND and key == "roles.node_pot":
        return
    if value == DEPLOYER or _TEST.fullmatch(value):
        if not is_local:
            raise InvalidInput("must be an address: this network is not local", field=key)
        return
    _check_address(value, key)


def _check_address(value: str, key: str) -> None:
    if _ADDRESS.fullmatch(value) is None:
        raise InvalidInput("must be an address (0x and 40 hex digits)", field=key)
    if value == ZERO_ADDRESS:
        raise InvalidInput("must not be the zero address", field=key)
    digits = value[2:]
    if digits not in (digits.lower(), digits.upper()) and not is_checksum_address(value):
        raise InvalidInput("has a wrong checksum: a digit is mistyped", field=key)


def _decode(document: dict[str, Any]) -> DeployConfig:
    try:
        return msgspec.convert(document, DeployConfig)
    except msgspec.ValidationError as error:
        match = _MSGSPEC_PATH.match(str(error))
        reason, path = (match["reason"], match["path"] or "") if match else (str(error), "")
        what = _MSGSPEC_FIELD.match(reason)
        if what:
            path = f"{path}.{what['name']}".lstrip(".")
            reason = "is missing" if what["what"].startswith("missing") else "is not a known key"
        raise InvalidInput(reason.replace("`", ""), field=path or "file") from error
