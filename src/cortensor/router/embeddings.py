# SPDX-License-Identifier: Apache-2.0
"""The embedding model of requests that compare answers by meaning, loaded when first asked for."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from cortensor.consensus import EMBEDDING, POI_DISPERSION_BPS, Embedding
from cortensor.embedding import MINILM, WORDLLAMA, load_model
from cortensor.errors import Unavailable
from cortensor.router.problems import InvalidField

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cortensor.consensus import TextModel
    from cortensor.router.config import Config
    from cortensor.router.schemas import DelegateRequest, ValidateRequest

FIELD = "consensus.equivalence"


class Remembering:
    """A model that embeds each text once; for one request, so that it holds a few texts at most.

    Args:
        model: what embeds.
    """

    def __init__(self, model: TextModel) -> None:
        self._model = model
        self._known: dict[str, Sequence[int]] = {}
        self.name = model.name
        self.digest = model.digest
        self.slack_bps = model.slack_bps

    def vector(self, text: str) -> Sequence[int]:
        """Return a text's direction."""
        if text not in self._known:
            self._known[text] = self._model.vector(text)
        return self._known[text]


class Embeddings:
    """Gives requests their embedding.

    Args:
        kind: wordllama or minilm.
        path: where minilm's files are.
    """

    def __init__(self, kind: str = WORDLLAMA, path: Path | None = None) -> None:
        self._kind = kind
        self._path = path
        self._model: TextModel | None = None
        self._lock = threading.Lock()

    def load(self) -> TextModel:
        """Return the model. Blocks at the first call; raises Unavailable."""
        with self._lock:
            if self._model is None:
                self._model = load_model(self._kind, self._path)
            return self._model

    async def of(self, request: DelegateRequest | ValidateRequest) -> Embedding | None:
        """Return how a request's answers are compared by meaning; None if they are not.

        Raises:
            InvalidField: code `embedding_unavailable`; the router has no model.
        """
        consensus = request.consensus
        if consensus.equivalence != EMBEDDING:
            return None
        try:
            model = await asyncio.to_thread(self.load) if self._model is None else self._model
        except Unavailable as error:
            raise InvalidField(
                f"this router has no embedding model: {error.reason}", field=FIELD, code=error.code
            ) from error
        distance = consensus.dispersion_bps
        return Embedding(Remembering(model), POI_DISPERSION_BPS if distance is None else distance)


def build_embeddings(config: Config) -> Embeddings:
    """Return the configured embeddings; a model that the configuration names is loaded now.

    Raises:
        Unavailable: the named model is not here.
    """
    given = config.consensus
    if given.embedding is None:
        return Embeddings()
    path = config.path(given.minilm) if given.embedding == MINILM and given.minilm else None
    embeddings = Embeddings(given.embedding, path)
    embeddings.load()
    return embeddings
