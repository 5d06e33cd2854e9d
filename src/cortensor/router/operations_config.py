# SPDX-License-Identifier: Apache-2.0
"""The tables of the configuration that are about running a router, not about what it sells."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Positive = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]
Bps = Annotated[int, Meta(ge=0, le=10_000)]


class HealthConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """How compute sessions are watched.

    A session that had no call for `probe_interval_s` (0: never) is asked for one token, and one
    whose breaker may try again is tried by that instead of by a payer's call. What is measured
    of a session counts half after `half_life_s`.
    """

    probe_interval_s: Natural = 30
    probe_timeout_ms: Positive = 10_000
    half_life_s: Positive = 600


class HedgingConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """When a second compute session is asked for the same replica, at the router's own cost.

    `slow` is when the first is slower than its own 95th percentile: never (`off`), for requests
    whose `policy.latency` is `low` (`asked`), or for all (`always`). No more than
    `max_share_bps` of replicas are doubled so. `fallbacks` is how many other sessions are tried
    one after the other when one fails at once.
    """

    slow: Literal["off", "asked", "always"] = "asked"
    max_share_bps: Bps = 500
    fallbacks: Annotated[int, Meta(ge=0, le=4)] = 1


class GoldConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Questions with known answers that the router asks by itself.

    `questions` is a file of JSON lines {"item", "claim", "context", "answer"}. Each session is
    asked one about every `interval_s`, when it has a place free. Answers, the router's own and
    those handed in, count half after each `half_life_days`.
    """

    questions: str | None = None
    interval_s: Positive = 600
    half_life_days: Positive = 90


class HeartbeatsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Jobs of the router's own whose receipts show which nodes are there.

    Off without `session`, the escrow session that their receipts are anchored under; nothing is
    charged to it. Each compute session with a `miner` is asked once in every `interval_s`, at a
    time that it cannot tell. `prompts` is a file of JSON lines, each a request of delegate or
    validate without session, consensus and policy; without one the router makes its own up.
    """

    session: Annotated[str, Meta(pattern="^0x[0-9a-f]{40}$")] | None = None
    interval_s: Positive = 1800
    prompts: str | None = None


class RegistryConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the register of nodes says who is asked: NodeReputation, where its address is known.

    It is read every `refresh_s` for all sessions whose `miner` is an address. What was read last
    counts for `stale_after_s` when the chain does not answer.
    """

    on_chain: bool = True
    refresh_s: Positive = 60
    stale_after_s: Positive = 86_400


class MetricsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may read `/metrics`: holders of a key with the scope `metrics`, anyone, or nobody."""

    access: Literal["key", "open", "off"] = "key"


class LogsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """What the log on stderr looks like; neither form has prompts or answers in it."""

    format: Literal["json", "text"] = "json"
    requests: bool = True


class TelemetryConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """OpenTelemetry traces; off without `traces_url`, an OTLP/HTTP endpoint such as `…/v1/traces`.

    `sample_bps` of traces that no caller decided on are kept.
    """

    traces_url: str | None = None
    service_name: Annotated[str, Meta(min_length=1, max_length=100)] = "cortensor-router"
    sample_bps: Bps = 10_000
