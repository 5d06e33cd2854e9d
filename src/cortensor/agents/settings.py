# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: TC001, TC003 -- msgspec reads the annotations
"""The validator service's configuration: one TOML file, read strictly.

Secrets never stand in it: it names the environment variables that hold them. Paths are relative to
the file. Units stand in the names.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from cortensor.agents.fetching import Reach
from cortensor.agents.payload import Tier
from cortensor.errors import InvalidInput
from cortensor.receipts.body import split_message

if TYPE_CHECKING:
    from collections.abc import Mapping

Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Wei = Annotated[str, Meta(pattern="^[0-9]{1,30}$")]
SessionId = Annotated[str, Meta(pattern="^0x[0-9a-f]{40}$")]


class Budget(Struct, frozen=True, forbid_unknown_fields=True):
    """What validations may cost, who pays being the service's own session.

    Attributes:
        max_per_hour: paid validations in any hour.
        max_price_wei: the most that one may cost; its quote is held to it by the router.
        agents: ids that are answered; empty for every agent that allowed our anchorer.
    """

    max_per_hour: Positive = 60
    max_price_wei: Wei = "10000000000000000"
    agents: list[Natural] = field(default_factory=list)


class Retries(Struct, frozen=True, forbid_unknown_fields=True):
    """How long what failed waits, doubling each time, and after how many times it is given up."""

    first_s: Seconds = 15.0
    longest_s: Seconds = 3600.0
    give_up_after: Positive = 30


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file.

    Attributes:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain, the preferred first.
        deployments: folder of deployment records; or `validator`, beside canonical registries.
        validator: the AgentValidator's address, where no record has it.
        router_url: the router that validates.
        session: the payment session that pays; its upper four bytes are the router's id.
        grant_env: variable with a grant or API key of the session with the scopes validate and
            receipts; or `payer_key_env` with the payer's key.
        session_key_env: variable with the session's key, where it has one.
        key_env: variable with the key that responds; the router's settler authorised it.
        from_block: where to begin; by default the registry's block in the records.
        confirmations: blocks below the head that are not looked at.
        poll_s: pause between two looks.
        deadline_s: how long one validation is waited for before it is asked for again.
        transaction_s: how long a transaction is waited for.
        workers: validations at a time.
        tier: policy tier of requests that name none.
        needs_bound: leave requests whose payload their key does not bind.
        response_base: the URI of an answer is this and the receipt's id, instead of the router's.
        receipts: folder where receipts are written by id, `0x….json`, to be served; None for none.
        successors: folder of bundles of receipts that replace others, for those that the router
            does not have.
    """

    rpc_url: str | list[str]
    router_url: str
    session: SessionId
    deployments: str | None = None
    validator: str | None = None
    grant_env: str | None = None
    payer_key_env: str | None = None
    session_key_env: str | None = None
    key_env: str = "CORTENSOR_VALIDATOR_KEY"
    from_block: Natural | None = None
    confirmations: Natural = 5
    poll_s: Seconds = 15.0
    deadline_s: Seconds = 120.0
    transaction_s: Seconds = 120.0
    workers: Annotated[int, Meta(ge=1, le=64)] = 4
    tier: Tier = "safe"
    needs_bound: bool = True
    response_base: str | None = None
    receipts: str | None = None
    successors: str | None = None
    budget: Budget = Budget()
    retries: Retries = Retries()
    reach: Reach = Reach()

    @property
    def router_id(self) -> int:
        """The router's id, which stands in the session's."""
        return int(self.session, 16) >> 128


def load_settings(path: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read a file.

    Args:
        path: a TOML file.
        overrides: members that take the place of the file's.

    Raises:
        InvalidInput: one sentence that names the member at fault.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot be read: {error}", field=str(path)) from error
    data |= {name: value for name, value in (overrides or {}).items() if value is not None}
    try:
        found = msgspec.convert(data, Settings)
    except msgspec.ValidationError as error:
        reason, where = split_message(str(error))
        raise InvalidInput(reason, field=where) from error
    if (found.deployments is None) == (found.validator is None):
        raise InvalidInput("give deployments, or validator", field="deployments")
    if (found.grant_env is None) == (found.payer_key_env is None):
        raise InvalidInput("give grant_env, or payer_key_env", field="grant_env")
    folders = ("deployments", "receipts", "successors")
    relative = {name: getattr(found, name) for name in folders}
    absolute = {
        name: str(path.parent / value) for name, value in relative.items() if value is not None
    }
    return msgspec.structs.replace(found, **absolute)
