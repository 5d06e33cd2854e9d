# SPDX-License-Identifier: Apache-2.0
"""Finds and compiles this repository's contracts with the Vyper compiler's own API."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vyper.ast import nodes as vy_ast
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import Settings
from vyper.warnings import VyperWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Folders under contracts/ whose files nobody deploys: libraries, interfaces, test doubles and the
#: gas baseline.
NOT_DEPLOYED = frozenset({"modules", "lib", "interfaces", "mocks", "baseline"})
EVM_VERSION = "cancun"

# A compiled contract is a million objects, nearly all in use: looking for garbage among them at
# Python's usual pace takes a fifth of the time of compiling.
gc.set_threshold(200_000, 20, 100)


def sources(root: Path) -> list[Path]:
    """Lists every Vyper file under contracts/, sorted.

    Args:
        root: The repository root.

    Returns:
        Absolute paths of `.vy` and `.vyi` files.
    """
    folder = root / "contracts"
    return sorted(path for path in folder.rglob("*") if path.suffix in {".vy", ".vyi"})


def is_deployable(root: Path, path: Path) -> bool:
    """Says whether a file is a contract that may be deployed.

    Args:
        root: The repository root.
        path: A Vyper file under it.

    Returns:
        True for a `.vy` file outside the folders of modules, mocks and baselines.
    """
    folders = path.relative_to(root / "contracts").parts[:-1]
    return path.suffix == ".vy" and not NOT_DEPLOYED.intersection(folders)


def deployables(root: Path) -> list[Path]:
    """Lists the contracts that may be deployed, sorted.

    Args:
        root: The repository root.

    Returns:
        Absolute paths.
    """
    return [path for path in sources(root) if is_deployable(root, path)]


@contextmanager
def _inside(root: Path) -> Iterator[None]:
    """Runs a block with the repository root, where absolute imports start, as working directory."""
    before = Path.cwd()
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(before)


def load(root: Path, path: Path) -> CompilerData:
    """Analyses one contract; nothing is generated until an output is asked for.

    Args:
        root: The repository root, where absolute imports start.
        path: The contract.

    Returns:
        Vyper's compiler data, already analysed.

    Raises:
        VyperException: If the contract does not compile.
        VyperWarning: If the compiler warns: a deprecation today is an error tomorrow.
    """
    # The last path has the highest precedence: the repository shadows installed packages.
    search = [Path(entry) for entry in reversed(sys.path) if entry] + [root]
    with _inside(root), warnings.catch_warnings():
        warnings.simplefilter("error", category=VyperWarning)
        bundle = FilesystemInputBundle(search)
        file_input = bundle.load_file(path.relative_to(root))
        settings = Settings(evm_version=EVM_VERSION)
        data = CompilerData(file_input, input_bundle=bundle, settings=settings)
        _ = data.global_ctx
    return data


def closure(data: CompilerData) -> list[Any]:
    """Lists the syntax trees of a contract and of all it imports.

    Args:
        data: An analysed contract.

    Returns:
        Annotated `vyper.ast.Module` trees, the contract's own first.
    """
    own = data.annotated_vyper_module
    inputs = data.resolved_imports.compiler_inputs.values()
    return [own, *(t for t in inputs if isinstance(t, vy_ast.Module) and t is not own)]


def display(root: Path, resolved: str) -> str:
    """Names a source without the machine's own folders.

    Args:
        root: The repository root.
        resolved: The path that the compiler resolved.

    Returns:
        A path relative to the repository, or to the installed package's parent.
    """
    path = Path(resolved)
    parts = path.parts
    if "site-packages" in parts:
        return Path(*parts[parts.index("site-packages") + 1 :]).as_posix()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
