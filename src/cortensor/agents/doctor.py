# SPDX-License-Identifier: Apache-2.0
"""Walks an agent from the registry to the answer on the chain, and says what is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from cortensor.agents.answer_check import check_answer
from cortensor.agents.fetching import read_uri
from cortensor.agents.registration import TYPE, Registration
from cortensor.agents.work import is_node, shown
from cortensor.errors import Error, InvalidInput, NotFound
from cortensor.receipts.canonical import load_json
from cortensor.watch.fetch import FetchLimits, fetch, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cortensor.agents.fetching import Reach
    from cortensor.agents.place import Place
    from cortensor.client import Paid, PaidResponse

OK: Final = "ok"
BROKEN: Final = "broken"
SKIPPED: Final = "skipped"
API = "/api/v4"
SERVER_FAULTS = 500
PAGE_BYTES = 8 * 1024 * 1024


class Step(Struct, frozen=True):
    """What was found at one place; `what_to_do` is empty unless it is broken."""

    name: str
    status: Literal["ok", "broken", "skipped"]
    detail: str
    what_to_do: str = ""

    def line(self) -> str:
        """Return it as one line."""
        text = f"{self.status:<7}  {shown(self.name)}: {shown(self.detail)}"
        return f"{text}; {self.what_to_do}" if self.what_to_do else text


class Doctor:
    """Examines one agent after the other.

    Args:
        place: the contracts.
        reach: what may be fetched.
        router_id: the router whose settler must be allowed; None leaves that out.
        validate: makes one paid validation; None leaves it out.
    """

    def __init__(
        self,
        place: Place,
        reach: Reach,
        router_id: int | None = None,
        validate: Callable[[], Paid[PaidResponse]] | None = None,
    ) -> None:
        self._place = place
        self._reach = reach
        self._router_id = router_id
        self._validate = validate
        self._limits = FetchLimits(PAGE_BYTES, reach.timeout_s, reach.allow_private)

    def examine(self, agent_id: int) -> Iterator[Step]:
        """Yield the steps from the registry to the chain's answer.

        Raises:
            Unavailable: the node does not answer.
        """
        try:
            owner = self._place.identity.owner(agent_id)
        except Error as error:
            if is_node(error):
                raise
            todo = "register it: `cortensor agent register`"
            yield Step("registry", BROKEN, f"no agent {agent_id} ({error.reason})", todo)
            return
        yield Step("registry", OK, f"agent {agent_id} of {self._place.registry_name}, of {owner}")
        file: Registration | None = None
        for step, found in self._file(agent_id):
            file = found or file
            yield step
        if file is None:
            yield Step("endpoints", SKIPPED, "there is no registration file to read them from")
        else:
            yield from self._endpoints(file)
        yield from self._consent(agent_id)
        yield self._work()
        yield self._answer(agent_id)

    def _file(self, agent_id: int) -> Iterator[tuple[Step, Registration | None]]:
        todo = "run `cortensor agent register FILE` again"
        uri = self._place.identity.uri(agent_id)
        if not uri:
            yield Step("file", BROKEN, "the agent's URI is empty", todo), None
            return
        try:
            file = Registration(load_json(read_uri(uri, self._reach)))
        except InvalidInput as error:
            yield Step("file", BROKEN, str(error), f"its type is {TYPE}; {todo}"), None
            return
        except Error as error:
            yield Step("file", BROKEN, str(error), "serve it there, or put it on the chain"), None
            return
        yield Step("file", OK, f"{file.name}, {len(file.services)} services"), file
        named = file.id_in(self._place.registry_name)
        if named is None:
            detail = f"names no agent of {self._place.registry_name}"
            yield Step("registrations", BROKEN, detail, todo), file
        elif named != agent_id:
            yield Step("registrations", BROKEN, f"names agent {named}", todo), file
        else:
            yield Step("registrations", OK, f"names agent {agent_id} back"), file
        if not file.is_active:
            yield Step("active", BROKEN, "the file says that it is not", "set active to true"), file

    def _endpoints(self, file: Registration) -> Iterator[Step]:
        for service in file.services:
            yield self._page(f"endpoint {service.name}", service.endpoint)
        if file.own_api is None:
            yield Step("router", SKIPPED, "the file names none")
            return
        yield self._router(file.own_api.api)
        if file.own_api.receipts is not None:
            yield self._page("receipts", file.own_api.receipts)

    def _page(self, name: str, url: str) -> Step:
        if not url.startswith(("http://", "https://")):
            return Step(name, SKIPPED, f"{url} is no web address")
        try:
            status = probe(url, self._limits)
        except Error as error:
            return Step(name, BROKEN, error.reason, "start it, or change the file")
        if status >= SERVER_FAULTS:
            return Step(name, BROKEN, f"{url} answers {status}", "look at its log")
        return Step(name, OK, f"{url} answers {status}")

    def _router(self, api: str) -> Step:
        base = api.rstrip("/")
        if not base.endswith(API):
            return Step("router", BROKEN, f"{base} does not end in {API}", "change the file")
        url = base.removesuffix(API)
        for path in ("/readyz", f"{API}/sessions"):
            try:
                fetch(url + path, self._limits)
            except Error as error:
                todo = "start it, or see why it is not ready"
                return Step("router", BROKEN, error.reason, todo)
        return Step("router", OK, f"{url} is ready, and has {API}")

    def _consent(self, agent_id: int) -> Iterator[Step]:
        try:
            validator = self._place.validator()
        except NotFound as error:
            yield Step("validator", BROKEN, error.reason, "deploy it: `ape run deploy`")
            return
        yield Step("validator", OK, validator.address)
        if self._place.identity.may_act(validator.address, agent_id):
            yield Step("approval", OK, "the validator may attest for the agent")
        else:
            yield Step("approval", SKIPPED, "it may not attest; `register --approve` lets it")
        if self._router_id is None:
            yield Step("anchorer", SKIPPED, "say --router-id, or --config, to look at a router's")
            return
        settler = self._place.payment().router(self._router_id).settler
        if validator.is_allowed(agent_id, settler):
            yield Step("anchorer", OK, f"router {self._router_id}'s {settler} is heard")
            return
        todo = f"run `register` with --allow-router {self._router_id}"
        yield Step("anchorer", BROKEN, f"router {self._router_id}'s {settler} is not heard", todo)

    def _work(self) -> Step:
        if self._validate is None:
            return Step("validate", SKIPPED, "it costs money: say --validate, with --config")
        try:
            done = self._validate()
        except Error as error:
            if is_node(error):
                raise
            return Step("validate", BROKEN, f"{error} ({error.code})", "see the router's log")
        outcome = done.answer.result.outcome
        told = f"{outcome} for {done.charge_wei} wei, and its receipt {done.receipt_id} holds"
        return Step("validate", OK, told)

    def _answer(self, agent_id: int) -> Step:
        name = "answer"
        try:
            validator = self._place.validator()
        except NotFound:
            return Step(name, SKIPPED, "there is no validator")
        found = self._place.validation().latest_answered(agent_id, validator.address)
        if found is None:
            return Step(name, SKIPPED, "no request of the agent to our validator is answered yet")
        key, status = found
        try:
            faults = check_answer(self._place, agent_id, key, status, self._reach)
        except Error as error:
            if is_node(error):
                raise
            return Step(name, BROKEN, f"request {key}: {error}", "serve the receipt at its URI")
        if faults:
            todo = "the validator's service replaces or retracts what no longer stands"
            return Step(name, BROKEN, f"request {key}: {'; '.join(faults)}", todo)
        told = f"request {key}: {status.verdict} of 100, {status.tag}, is what its receipt says"
        return Step(name, OK, told)
