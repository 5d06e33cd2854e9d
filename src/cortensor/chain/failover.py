# SPDX-License-Identifier: Apache-2.0
"""Several endpoints of one chain as one: the first that is well is asked, the others stand by.

An endpoint is left when it does not answer, is on another chain, or is behind the others. The order
given is the order of preference: an endpoint that is well again is come back to.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.providers.base import JSONBaseProvider

from cortensor.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from web3.types import RPCEndpoint, RPCResponse

CHECK_S = 30.0
"""How long an endpoint is trusted before all are looked at again."""
MAX_LAG_S = 60
"""How far the latest block of an endpoint may be behind the best one's, by the blocks' times."""
WRONG_CHAIN = "wrong_chain"
RPC_TIMEOUT_S = 15
PROBE_TIMEOUT_S = 3

FAILURES = (requests.RequestException, Web3Exception, OSError, ValueError, KeyError, TypeError)

log = logging.getLogger(__name__)


class Endpoint:
    """One endpoint. `url` may hold a key, so only `name` is told.

    Args:
        url: http(s) JSON-RPC.

    Attributes:
        chain_id: the chain it was on when it was last looked at; None if it did not answer.
        is_well: whether it can be used, as far as was told.
    """

    def __init__(self, url: str) -> None:
        self.name = name_of(url)
        self.chain_id: int | None = None
        self.provider = http_provider(url, RPC_TIMEOUT_S)
        self._probe = http_provider(url, PROBE_TIMEOUT_S)
        self.is_well = True

    def look(self) -> tuple[int, int]:
        """Return the chain's id and the latest block's time, in unix seconds."""
        chain_id = self._probe.make_request("eth_chainId", [])
        block = self._probe.make_request("eth_getBlockByNumber", ["latest", False])
        return _number(chain_id["result"]), _number(block["result"]["timestamp"])


class FailoverProvider(JSONBaseProvider):
    """A web3 provider over several endpoints of one chain.

    Args:
        urls: endpoints, the preferred first.
        chain_id: the chain they must be on; None for that of the first that answers.
    """

    def __init__(self, urls: Sequence[str], chain_id: int | None = None) -> None:
        super().__init__()
        self._endpoints = [Endpoint(url) for url in urls]
        self._chain_id = chain_id
        self._current: Endpoint | None = None
        self._looked_at = 0.0
        self._lock = threading.Lock()

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask the current endpoint; if it fails, look at all and ask the best of the others.

        What is sent twice for that is harmless: a signed transaction is the same one everywhere.

        Raises:
            Unavailable: no endpoint is well (`chain_unavailable`), or all are on another chain
                (`wrong_chain`).
        """
        answer: RPCResponse = self._ask(lambda provider: provider.make_request(method, params))
        return answer

    def make_batch_request(
        self, batch_requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse] | RPCResponse:
        """Ask several things at once, as `make_request` does one. Raises Unavailable."""
        answer: list[RPCResponse] | RPCResponse = self._ask(
            lambda provider: provider.make_batch_request(batch_requests)
        )
        return answer

    def _ask(self, ask: Callable[[Any], Any]) -> Any:
        failed: set[Endpoint] = set()
        while True:
            endpoint = self._choose(failed)
            try:
                answer = ask(endpoint.provider)
            except (requests.RequestException, OSError) as error:
                log.warning("%s: %s", endpoint.name, type(error).__name__)
                failed.add(endpoint)
                if len(failed) == len(self._endpoints):
                    raise
            else:
                return answer

    def is_connected(self, show_traceback: bool = False) -> bool:  # noqa: ARG002 -- web3's
        """Return whether an endpoint is well."""
        try:
            self._choose(set())
        except Unavailable:
            return False
        return True

    def _choose(self, failed: set[Endpoint]) -> Endpoint:
        current = self._current
        is_usable = current is not None and current not in failed
        if current is not None and is_usable:
            if time.monotonic() - self._looked_at < CHECK_S:
                return current
            if not self._lock.acquire(blocking=False):
                return current  # another thread looks
        else:
            self._lock.acquire()
        try:
            return self._look(failed)
        finally:
            self._lock.release()

    def _look(self, failed: set[Endpoint]) -> Endpoint:
        """Look at every endpoint and take the first that is well."""
        times: dict[Endpoint, int] = {}
        for endpoint in self._endpoints:
            if endpoint not in failed:
                moment = self._time_of(endpoint)
                if moment is not None:
                    times[endpoint] = moment
        best = max(times.values(), default=0)
        behind = [each for each, moment in times.items() if moment < best - MAX_LAG_S]
        for endpoint in behind:
            self._tell(endpoint, f"is {best - times[endpoint]} s behind")
        well = [each for each in times if each not in behind]
        if not well:
            raise self._nobody()
        chosen = well[0]
        if chosen is not self._current:
            log.warning("the chain is read and written through %s", chosen.name)
        for endpoint in well:
            endpoint.is_well = True
        self._current, self._looked_at = chosen, time.monotonic()
        return chosen

    def _nobody(self) -> Unavailable:
        """Return why no endpoint can be used."""
        found = {endpoint.chain_id for endpoint in self._endpoints}
        if None in found or self._chain_id in found:
            return Unavailable(
                f"none of {len(self._endpoints)} endpoints is well", code="chain_unavailable"
            )
        chains = ", ".join(str(chain_id) for chain_id in sorted(filter(None, found)))
        return Unavailable(
            f"{len(self._endpoints)} endpoints are on chain {chains}, not {self._chain_id}",
            code=WRONG_CHAIN,
        )

    def _time_of(self, endpoint: Endpoint) -> int | None:
        """Return the time of an endpoint's latest block; None if it cannot be used."""
        endpoint.chain_id = None
        try:
            chain_id, moment = endpoint.look()
        except FAILURES as error:
            self._tell(endpoint, f"does not answer: {type(error).__name__}")
            return None
        endpoint.chain_id = chain_id
        if self._chain_id is None:
            self._chain_id = chain_id
        if chain_id != self._chain_id:
            self._tell(endpoint, f"is on chain {chain_id}, not {self._chain_id}")
            return None
        return moment

    def _tell(self, endpoint: Endpoint, what: str) -> None:
        """Say once that an endpoint is not well."""
        if endpoint.is_well:
            log.error("%s %s: it is left out", endpoint.name, what)
        endpoint.is_well = False


def name_of(url: str) -> str:
    """Return an endpoint's host, with its port where it names one.

    Raises:
        InvalidInput: it is no http(s) URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput("must be an http(s) URL", field="rpc_url")
    return parts.hostname if port is None else f"{parts.hostname}:{port}"


def http_provider(url: str, timeout_s: int) -> Any:
    """Return web3's provider for one endpoint, without retries of its own."""
    # No retries below us: callers know whether to try again, and what it may cost.
    return Web3.HTTPProvider(
        url, request_kwargs={"timeout": timeout_s}, exception_retry_configuration=None
    )


def _number(value: Any) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)
