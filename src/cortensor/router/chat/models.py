# SPDX-License-Identifier: Apache-2.0
"""The models that can be asked for: those that the compute sessions run, and any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import NotFound
from cortensor.router.chat.schemas import Model, ModelList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from cortensor.router.config import ComputeSession

ANY = "cortensor"


class Models:
    """Names of models, and the compute sessions behind each.

    Args:
        pools: compute sessions by model; ANY has all of them.
        since: unix seconds, shown as the time of creation.
    """

    def __init__(self, pools: Mapping[str, list[str]], since: int) -> None:
        self._since = since
        self._pools = pools

    @classmethod
    def run_by(cls, sessions: Sequence[ComputeSession], default: str, since: int) -> Self:
        """Return the models of compute sessions; `default` is that of one that names none."""
        pools = {ANY: [session.id for session in sessions]}
        for session in sessions:
            name = session.model or default
            if name != ANY:
                pools.setdefault(name, []).append(session.id)
        return cls(pools, since)

    @classmethod
    def listed(cls, found: ModelList) -> Self:
        """Return the models that a router lists."""
        return cls({each.id: each.compute_sessions for each in found.data}, 0)

    def pool(self, name: str) -> list[str] | None:
        """Return the compute sessions that run a model; None where all do.

        Raises:
            NotFound: no session runs it.
        """
        found = self._pools.get(name)
        if found is None:
            known = ", ".join(list(self._pools)[:5])
            raise NotFound(
                f"no compute session runs this model; there is {known}",
                field="model",
                code="model_not_found",
            )
        return None if len(found) == len(self._pools[ANY]) else found

    def listing(self) -> ModelList:
        """Return all models."""
        return ModelList(data=[self._shown(name) for name in self._pools])

    def one(self, name: str) -> Model:
        """Return one model; raises NotFound."""
        self.pool(name)
        return self._shown(name)

    def _shown(self, name: str) -> Model:
        return Model(id=name, created=self._since, compute_sessions=self._pools[name])
