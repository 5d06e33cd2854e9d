# SPDX-License-Identifier: Apache-2.0
"""The router's configuration: one TOML file, decoded strictly.

Unknown keys, wrong types and values out of range are refused with one sentence that names the
key. Secrets never stand in the file: it names the environment variables that hold them. Paths
are relative to the file. Units stand in the key names (`_s` seconds, `_ms` milliseconds,
`_bps` 1/10000, `_bytes` bytes).
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from cortensor.errors import InvalidInput
from cortensor.router.backend_config import BackendConfig, ModelName, check_backend
from cortensor.router.operations_config import (
    GoldConfig,
    HealthConfig,
    HeartbeatsConfig,
    HedgingConfig,
    LogsConfig,
    MetricsConfig,
    RegistryConfig,
    TelemetryConfig,
)
from cortensor.store.address import has_password, is_url, postgres_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.store.address import DatabaseAddress

MODEL_CLASSES = ("light", "standard", "heavy", "frontier")
MAX_URI_BYTES = 128  # ReceiptAnchor stores a String[128]; a root in hex takes 66 of them
ROOT_HEX_BYTES = 66

_KEY = re.compile(r"[0-9a-fA-F]{64}")
_NAMED = re.compile(r"`([^`]*)`")

Positive = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]
Address = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]
SessionName = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9._:-]+$")]


class Addresses(Struct, frozen=True, forbid_unknown_fields=True):
    """Contract addresses given inline instead of by deployment records."""

    session_payment: Address
    table: Address
    receipt_anchor: Address
    stake_pool: Address | None = None
    stake_quota: Address | None = None
    node_reputation: Address | None = None


class Payment(Struct, frozen=True, forbid_unknown_fields=True):
    """How sessions that are served may be paid; by default all ways that the addresses allow.

    `stake` needs the address of StakeQuota.
    """

    fundings: Annotated[list[Literal["escrow", "voucher", "stake"]], Meta(min_length=1)] | None = (
        None
    )


class ComputeSession(Struct, frozen=True, forbid_unknown_fields=True):
    """One compute session of the network: where replicas of a job run, and how they differ."""

    id: SessionName
    system_prompt: Annotated[str, Meta(max_length=8192)] = "You are a careful assistant."
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    temperature_bps: Annotated[int, Meta(ge=0, le=20000)] = 0
    miner: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    model: ModelName | None = None
    model_class: Literal["light", "standard", "heavy", "frontier"] = "light"
    max_concurrency: Annotated[int, Meta(ge=1, le=4096)] = 1
    stake_cor: Annotated[int, Meta(ge=0, le=10**9)] = 0


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds that keep one caller from taking the router down.

    A payer names a session's volume tier when it opens it; sessions of a higher tier than
    `max_volume_tier` are refused, because their rebate was never granted.

    `voucher_credit_wei` is what a voucher session may have charged or running beyond what its key
    signed; above that it gets no more work. A payer who leaves owes that and one request at most.
    The default is 0: each answer is signed for before the next question.

    A router on a shared database that does not show for `lease_ms` is taken for dead: what it ran
    is released, and another router may run it.

    `repair_attempts` is how often a replica's answer that breaks the caller's schema is made
    again, at the router's cost.
    """

    max_body_bytes: Positive = 1 << 20
    body_timeout_ms: Positive = 20_000
    max_in_flight: Positive = 256
    default_max_tokens: Positive = 256
    max_tokens: Positive = 2048
    default_timeout_ms: Positive = 60_000
    max_timeout_ms: Positive = 300_000
    late_grace_ms: Natural = 5_000
    session_cache_s: Natural = 10
    surcharge_cache_s: Natural = 5
    max_volume_tier: Annotated[int, Meta(ge=0, le=3)] = 0
    voucher_credit_wei: Natural = 0
    repair_attempts: Annotated[int, Meta(ge=0, le=5)] = 1
    breaker_failures: Positive = 3
    breaker_cooldown_ms: Natural = 10_000
    breaker_cooldown_max_ms: Natural = 300_000
    shutdown_grace_s: Natural = 30
    lease_ms: Annotated[int, Meta(ge=200, le=600_000)] = 15_000


class StoreConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """How the ledger is written.

    `synchronous`: with `full` what was answered survives a power cut; with `normal` it survives a
    killed process, and only a power cut may lose the last moments. Settlement is `full` always.
    """

    synchronous: Literal["normal", "full"] = "full"


class InitialRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """How often a compute session was right before this router measured it.

    `audited` of the `total` were gold questions, whose answer it could not know or buy.
    """

    right: Natural
    total: Natural
    audited: Natural = 0


class ConsensusConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """What strategies know of the compute sessions, beside the gold items in the database.

    `records` by compute session, with the `gold_items` they rest on; `calibration` is a file of
    fitted confidences. The database is counted again every `refresh_s`.

    `embedding` names the model of answers that are compared by meaning, and loads it at start; by
    default it is wordllama, loaded when first asked for. `minilm` is a folder or zip of its files.
    """

    records: dict[SessionName, InitialRecord] = {}
    gold_items: Natural = 0
    calibration: str | None = None
    refresh_s: Positive = 60
    embedding: Literal["wordllama", "minilm"] | None = None
    minilm: str | None = None


class Settlement(Struct, frozen=True, forbid_unknown_fields=True):
    """When receipts are anchored and settled.

    With `enabled` the router settles by itself once `max_items` receipts wait or the oldest is
    `max_age_s` old; `cortensor settle` settles everything at any time. A session that expires
    within `expiry_margin_s` takes no new work and is settled at once. While the chain's base fee is
    above `max_base_fee_wei`, what can wait does, until the oldest is `max_wait_s` old.

    With `publish_bodies` anyone can read the bodies of anchored receipts, and so the summaries of
    answers in them: what rewards are computed from.
    """

    enabled: bool = False
    max_items: Positive = 256
    max_age_s: Positive = 3600
    max_base_fee_wei: Positive | None = None
    max_wait_s: Positive = 86_400
    poll_s: Positive = 5
    expiry_margin_s: Natural = 300
    uri_base: Annotated[str, Meta(max_length=MAX_URI_BYTES - ROOT_HEX_BYTES)] | None = None
    transaction_timeout_s: Positive = 120
    follow_s: Positive = 15
    final_depth: Positive = 64
    publish_bodies: bool = False


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `source` is where it was read from, for relative paths."""

    rpc_url: str | list[str]
    router_id: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    signer_key_env: str
    backend: BackendConfig
    sessions: list[ComputeSession]
    deployments: str | None = None
    addresses: Addresses | None = None
    database: str = "router.db"
    database_password_env: str | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 5010
    public_url: str | None = None
    payment: Payment = field(default_factory=Payment)
    store: StoreConfig = field(default_factory=StoreConfig)
    limits: Limits = field(default_factory=Limits)
    settlement: Settlement = field(default_factory=Settlement)
    consensus: ConsensusConfig = field(default_factory=ConsensusConfig)
    health: HealthConfig = field(default_factory=HealthConfig)
    heartbeats: HeartbeatsConfig = field(default_factory=HeartbeatsConfig)
    hedging: HedgingConfig = field(default_factory=HedgingConfig)
    gold: GoldConfig = field(default_factory=GoldConfig)
    registry: RegistryConfig = field(default_factory=RegistryConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    logs: LogsConfig = field(default_factory=LogsConfig)
    telemetry: TelemetryConfig = field(default_factory=TelemetryConfig)
    source: str = "."

    def path(self, value: str) -> Path:
        """Return `value` as a path relative to the configuration file."""
        given = Path(value).expanduser()
        return given if given.is_absolute() else Path(self.source).parent / given

    @property
    def database_address(self) -> DatabaseAddress:
        """Where the ledger lives, with the password from its environment variable.

        Raises:
            InvalidInput: the variable is unset.
        """
        if not is_url(self.database):
            return self.path(self.database)
        name = self.database_password_env
        password = None if name is None else secret(name, "database_password_env")
        return postgres_address(self.database, password)

    def signer_key(self) -> str:
        """Return the router's signing key from its environment variable.

        Raises:
            InvalidInput: the variable is unset or is no 32-byte hex key.
        """
        key = secret(self.signer_key_env, "signer_key_env")
        digits = key.removeprefix("0x")
        if not _KEY.fullmatch(digits):
            raise InvalidInput(
                f"${self.signer_key_env} must hold a 32-byte private key in hex",
                field="signer_key_env",
            )
        return "0x" + digits


def secret(variable: str, name: str) -> str:
    """Return an environment variable's value.

    Raises:
        InvalidInput: it is unset or empty; names the configuration key `name`.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise InvalidInput(f"the environment variable ${variable} is not set", field=name)
    return value


def load_config(path: str | Path, overrides: Mapping[str, object] | None = None) -> Config:
    """Read and check a configuration file.

    Args:
        path: the TOML file.
        overrides: top-level keys that count instead of the file's.

    Raises:
        InvalidInput: unreadable, not TOML, or a key is unknown, missing or out of range.
    """
    file = Path(path)
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}", field="config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is not TOML: {error}", field="config") from error
    if "source" in data:
        raise InvalidInput("unknown key `source`", field="source")
    return parse_config({**data, **(overrides or {}), "source": str(file.resolve())})


def parse_config(data: dict[str, object]) -> Config:
    """Check configuration data that is already decoded.

    Raises:
        InvalidInput: a key is unknown, missing, of the wrong type or out of range.
    """
    try:
        config = msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `")
        key = where.rstrip("`").removeprefix("$").lstrip(".") or _named_key(reason)
        raise InvalidInput(reason, field=key or "config") from error
    _check(config)
    return config


def _named_key(reason: str) -> str:
    named = _NAMED.search(reason)
    return named[1] if named else ""


def _check(config: Config) -> None:
    if (config.deployments is None) == (config.addresses is None):
        raise InvalidInput("give either `deployments` or `addresses`", field="deployments")
    urls = [config.rpc_url] if isinstance(config.rpc_url, str) else config.rpc_url
    if not urls or not all(url.startswith(("http://", "https://")) for url in urls):
        raise InvalidInput("must be an http(s) URL, or a list of them", field="rpc_url")
    if len(set(urls)) < len(urls):
        raise InvalidInput("an endpoint appears twice", field="rpc_url")
    if not config.sessions:
        raise InvalidInput("at least one [[sessions]] table is needed", field="sessions")
    names = [session.id for session in config.sessions]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"compute session {name!r} appears twice", field="sessions.id")
    _check_consensus(config.consensus)
    _check_database(config)
    check_backend(config.backend, names_models=all(s.model is not None for s in config.sessions))
    _check_limits(config.limits)


def _check_limits(limits: Limits) -> None:
    if limits.default_max_tokens > limits.max_tokens:
        raise InvalidInput("exceeds limits.max_tokens", field="limits.default_max_tokens")
    if limits.breaker_cooldown_ms > limits.breaker_cooldown_max_ms:
        raise InvalidInput(
            "exceeds limits.breaker_cooldown_max_ms", field="limits.breaker_cooldown_ms"
        )
    if limits.default_timeout_ms > limits.max_timeout_ms:
        raise InvalidInput("exceeds limits.max_timeout_ms", field="limits.default_timeout_ms")


def _check_consensus(consensus: ConsensusConfig) -> None:
    for name, record in consensus.records.items():
        if max(record.right, record.audited) > record.total:
            raise InvalidInput(
                "right and audited are at most total", field=f"consensus.records.{name}"
            )
    if (consensus.embedding == "minilm") != (consensus.minilm is not None):
        raise InvalidInput("is for, and needed by, embedding minilm", field="consensus.minilm")


def _check_database(config: Config) -> None:
    if not is_url(config.database):
        if config.database_password_env is not None:
            raise InvalidInput("a SQLite file has no password", field="database_password_env")
        return
    postgres_address(config.database)
    if has_password(config.database):
        raise InvalidInput(
            "must hold no password: name its variable in `database_password_env`", field="database"
        )
