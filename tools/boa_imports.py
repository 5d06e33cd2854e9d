# SPDX-License-Identifier: Apache-2.0
"""Lets titanoboa's cache of compiled contracts see a change in whatever a contract imports.

titanoboa 0.2.8 files a contract under its source and the sources that it imports itself. With
Vyper 0.4 it does not follow those further: after a change of a library that only a module imports,
it still gives out the contract as it was compiled before.
"""

from __future__ import annotations

import hashlib
from typing import Any

from vyper.ast import nodes as vy_ast


def follow_imports(boa: Any) -> None:
    """Makes the cache tell contracts apart by everything that they import.

    Args:
        boa: The module titanoboa.
    """
    boa.interpret.get_module_fingerprint = fingerprint


def fingerprint(module: Any) -> str:
    """Hashes an analysed module with all that it imports, however far away.

    Args:
        module: Vyper's type of a module, its imports resolved.

    Returns:
        Hex digits that differ whenever one of the sources does.
    """
    return _hash_of(module._module, {})  # noqa: SLF001 - titanoboa's own function reads the same


def _hash_of(tree: Any, known: dict[int, str]) -> str:
    """Hashes a syntax tree; `known` are the hashes of those that several files import."""
    if id(tree) not in known:
        told = hashlib.sha256(tree.full_source_code.encode())
        for statement in tree.get_children((vy_ast.Import, vy_ast.ImportFrom)):
            info = statement._metadata["import_info"]  # noqa: SLF001 - as above
            is_source = isinstance(info.parsed, vy_ast.Module)
            part = _hash_of(info.parsed, known) if is_source else info.compiler_input.sha256sum
            told.update(part.encode())
        known[id(tree)] = told.hexdigest()
    return known[id(tree)]
