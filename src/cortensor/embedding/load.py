# SPDX-License-Identifier: Apache-2.0
"""From a model's name to the model, or to what is missing and how to get it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast
from zipfile import BadZipFile

from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.consensus import TextModel

WORDLLAMA = "wordllama"
MINILM = "minilm"
MODELS = (WORDLLAMA, MINILM)
CODE = "embedding_unavailable"
INSTALL = "pip install 'cortensor[embedding]'"


def load_model(kind: str = WORDLLAMA, path: Path | None = None) -> TextModel:
    """Load an embedding model. Blocks for a fraction of a second.

    Args:
        kind: wordllama (in its own wheel) or minilm (a folder or zip of its files, at `path`).
        path: where minilm's files are.

    Raises:
        Unavailable: code `embedding_unavailable`; a package is not installed or a file missing.
    """
    try:
        if kind == MINILM:
            if path is None:
                raise Unavailable("minilm needs the path of its files", code=CODE)
            return cast("TextModel", import_module("cortensor.embedding.minilm").MiniLM(path))
        return cast("TextModel", import_module("cortensor.embedding.wordllama").WordLlama())
    except ModuleNotFoundError as error:
        raise Unavailable(f"{kind} needs the package {error.name}: {INSTALL}", code=CODE) from error
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise Unavailable(f"{kind} cannot be read: {error}", code=CODE) from error


def model_for(name: str, minilm: Path | None = None) -> TextModel | None:
    """Return the model that a receipt names, or None where it cannot be loaded here."""
    kind = name.partition("/")[0]
    if kind not in MODELS:
        return None
    try:
        found = load_model(kind, minilm)
    except Unavailable:
        return None
    return found if found.name == name else None
