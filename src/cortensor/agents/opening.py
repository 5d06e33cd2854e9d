# SPDX-License-Identifier: Apache-2.0
"""What an agent works with: contracts, the router it pays, and the key it sends from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cortensor.agents.place import Place
from cortensor.chain.caller import Caller
from cortensor.client import Client, Domain, Payment
from cortensor.errors import Conflict, InvalidInput
from cortensor.watch.sending_key import key_from

if TYPE_CHECKING:
    from cortensor.agents.settings import Settings
    from cortensor.client import Trust


class Opened:
    """Chain, router and keys, as settings name them.

    Args:
        settings: where everything is.

    Raises:
        InvalidInput: a variable that is named has nothing in it, or no key.
        Conflict: the payment session names no router of the chain (`unknown_router`).
        Unavailable: the node does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        folder = None if settings.deployments is None else Path(settings.deployments)
        self.place = Place(settings.rpc_url, folder, settings.validator)
        self.caller = Caller(
            self.place.web3, secret(settings.key_env, is_key=True), settings.transaction_s
        )
        self._settings = settings
        self._routers = self.place.payment()
        payer, session = settings.payer_key_env, settings.session_key_env
        self._payment = Payment(
            session=settings.session,
            domain=Domain(self.place.chain_id, self._routers.address),
            grant=None if settings.grant_env is None else secret(settings.grant_env),
            payer=None if payer is None else secret(payer, is_key=True),
            session_key=None if session is None else secret(session, is_key=True),
            max_charge_wei=int(settings.budget.max_price_wei),
        )
        self.anchorer()

    @property
    def session_payment(self) -> str:
        """The SessionPayment that receipts must be of."""
        return self._routers.address

    def anchorer(self) -> str:
        """Return the settler of today of the router that is paid.

        Raises:
            Conflict: there is no such router.
        """
        settler = self._routers.router(self._settings.router_id).settler
        if int(settler, 16) == 0:
            raise Conflict(
                f"{self._routers.address} has no router {self._settings.router_id}",
                field="session",
                code="unknown_router",
            )
        return settler

    def client(self, trust: Trust | None = None) -> Client:
        """Return a client of the router, to be closed."""
        return Client(
            self._settings.router_url,
            self._payment,
            trust=trust,
            deadline_s=self._settings.deadline_s,
        )


def secret(variable: str, *, is_key: bool = False) -> str:
    """Return what an environment variable holds.

    Raises:
        InvalidInput: it is not set, or a key is wanted and it is none.
    """
    found = key_from(variable) if is_key else os.environ.get(variable)
    if not found:
        raise InvalidInput(f"the environment variable ${variable} is not set", field=variable)
    return found
