# SPDX-License-Identifier: Apache-2.0
"""How a model's next token is chosen: by the request where it says so, else by the session.

Rates are basis points (1/10000), as everywhere in v4, so that the canonical request and the
receipt have integers; the versions that have decimals are converted by `to_bps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct, structs

if TYPE_CHECKING:
    from cortensor.router.config import ComputeSession
    from cortensor.router.schemas import DelegateRequest, ValidateRequest

BPS = 10_000
MAX_STOPS = 4

Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Penalty = Annotated[int, Meta(ge=-20_000, le=20_000)]
StopText = Annotated[str, Meta(min_length=1, max_length=256)]


class SamplingRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sampling that counts instead of each compute session's own; what is left out stays theirs.

    The seed is the same for all replicas. `stop` texts end the answer and are not in it.
    """

    temperature_bps: Annotated[int, Meta(ge=0, le=20_000)] | None = None
    top_p_bps: Annotated[int, Meta(ge=0, le=BPS)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    presence_penalty_bps: Penalty | None = None
    frequency_penalty_bps: Penalty | None = None
    seed: Seed | None = None
    stop: Annotated[list[StopText], Meta(max_length=MAX_STOPS)] | None = None


def sampling_of(
    request: DelegateRequest | ValidateRequest, session: ComputeSession
) -> SamplingRequest:
    """Return the sampling a request's replica on a compute session runs with."""
    asked = getattr(request, "sampling", None) or SamplingRequest()
    own = session.temperature_bps
    return structs.replace(
        asked,
        temperature_bps=own if asked.temperature_bps is None else asked.temperature_bps,
        seed=session.seed if asked.seed is None else asked.seed,
    )


def to_bps(value: float) -> int:
    """Return a decimal in basis points, the nearest one."""
    return round(value * BPS)


def as_parameters(sampling: SamplingRequest) -> dict[str, Any]:
    """Return sampling as the parameters of an OpenAI-compatible server; `top_k` is an extension."""
    rates = {
        name: getattr(sampling, f"{name}_bps")
        for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty")
    }
    found: dict[str, Any] = {name: bps / BPS for name, bps in rates.items() if bps is not None}
    for name in ("top_k", "seed", "stop"):
        value = getattr(sampling, name)
        if value is not None:
            found[name] = value
    return found
