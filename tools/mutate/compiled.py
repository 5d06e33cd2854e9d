# SPDX-License-Identifier: Apache-2.0
"""Compiled contracts on disk, shared by all copies of the repository.

titanoboa has such a cache, but looks into it only after it analysed the sources, which takes longer
than most trials, and files under absolute paths.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Any

from tools.boa_imports import follow_imports

_IMPORT = re.compile(r"^from (contracts[\w.]*) import (\w+)", re.MULTILINE)


def share(boa: Any, tree: Path, cache: Path) -> None:
    """Makes titanoboa take contracts of a tree from a shared cache.

    Args:
        boa: The module, in a process that serves one tree only.
        tree: The copy of the repository.
        cache: Folder of the cache.
    """
    boa.interpret.set_cache_dir(str(cache))
    boa.interpret.set_search_paths([str(tree)])
    follow_imports(boa)
    disk = boa.interpret._disk_cache  # noqa: SLF001 - its own cache, under keys of ours
    compile_now = boa.interpret.compiler_data

    def compiler_data(
        source: str, name: str | None, filename: str, *rest: Any, **settings: Any
    ) -> Any:
        path = Path(filename)
        if not path.is_relative_to(tree):
            return compile_now(source, name, filename, *rest, **settings)
        facts = (path.relative_to(tree).as_posix(), fingerprint(tree, path), settings, repr(rest))
        return disk.caching_lookup(
            str(facts), lambda: compile_now(source, name, filename, *rest, **settings)
        )

    boa.interpret.compiler_data = compiler_data
    # The tests ask again for what the trial has compiled.
    boa.load_partial = functools.cache(boa.load_partial)


def fingerprint(tree: Path, path: Path) -> str:
    """Hashes a contract with all that it imports from the repository.

    Args:
        tree: The copy of the repository.
        path: The contract.

    Returns:
        Hex digits that are the same for the same sources, wherever the tree is.
    """
    files = [path]
    for file in files:
        for folder, name in _IMPORT.findall(file.read_text(encoding="ascii")):
            stem = tree.joinpath(*folder.split(".")) / name
            files += [
                found
                for suffix in (".vy", ".vyi")
                if (found := stem.with_suffix(suffix)).is_file() and found not in files
            ]
    told = hashlib.sha256()
    for file in sorted(files):
        told.update(f"{file.relative_to(tree)}\0".encode())
        told.update(hashlib.sha256(file.read_bytes()).digest())
    return told.hexdigest()
