# SPDX-License-Identifier: Apache-2.0
"""Writes what others build on: ABIs, the table of revert reasons, storage layouts.

Run as `python -m tools.artifacts` in the contracts environment; `--check` writes nothing and fails
on any difference, so an interface or a slot cannot move without showing in a diff.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

from vyper.compiler.output import build_abi_output, build_layout_output
from vyper.exceptions import VyperException
from vyper.warnings import VyperWarning

from scripts._deploy.compiler import SOURCES, keep
from tools.findings import ROOT, Finding, report
from tools.vyper_project import deployables, load
from tools.vyper_typed import reachable_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ABI_FOLDER = "src/cortensor/chain/abi"
LAYOUT_FOLDER = "layouts"
#: The token of local chains, which have no COR: a demo deploys it, so its ABI is packaged too.
PACKAGED_DOUBLES = ("contracts/mocks/MockCOR.vy",)
#: EIP-170, the limit of Arbitrum's chains too unless their owner raised it.
MAX_RUNTIME_BYTES = 24_576


def render_abi(abi: list[dict[str, Any]]) -> str:
    """Renders an ABI with one entry a line: a changed function is one changed line.

    Args:
        abi: The compiler's list.

    Returns:
        JSON text.
    """
    entries = ",\n".join(f"  {json.dumps(entry)}" for entry in abi)
    return f"[\n{entries}\n]\n" if entries else "[]\n"


def render(value: Any) -> str:
    """Renders any other artefact.

    Args:
        value: JSON-ready data.

    Returns:
        JSON text, indented.
    """
    return json.dumps(value, indent=2) + "\n"


class Built(NamedTuple):
    """What one contract is to those who build on it."""

    abi: list[dict[str, Any]]
    layout: dict[str, Any]
    reasons: dict[str, str]
    runtime_bytes: int


def compiled(root: Path, path: Path) -> Built | Finding:
    """Compiles one contract.

    Args:
        root: The repository root.
        path: The contract's file.

    Returns:
        Its artefacts, or why it does not compile.
    """
    try:
        data = load(root, path)
        # The chain counts the immutables, which stand behind the code, as well.
        size = len(data.bytecode_runtime) + data.global_ctx.immutable_section_bytes
        abi, layout = build_abi_output(data), build_layout_output(data)
        if root == ROOT and path.stem in SOURCES:
            # Most of the work is done; deployments, of which tests do many, then need not do it.
            keep(path.stem, data)
        return Built(abi, layout, reachable_reasons(root, data), size)
    except (VyperException, VyperWarning) as error:
        name = path.relative_to(root).as_posix()
        return Finding(name, 0, "compile", " ".join(str(error).split())[:300])


def compiled_all(root: Path, paths: list[Path], workers: int) -> list[Built | Finding]:
    """Compiles contracts, several at once where there are workers.

    Args:
        root: The repository root.
        paths: The contracts' files.
        workers: Processes; with one, this process does it.

    Returns:
        What `compiled` says of each, in the same order.
    """
    if workers == 1:
        return [compiled(root, path) for path in paths]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(compiled, [root] * len(paths), paths))


def build(root: Path, workers: int = 1) -> tuple[dict[str, str], list[Finding]]:
    """Compiles every deployable.

    Args:
        root: The repository root.
        workers: Processes that compile.

    Returns:
        File name relative to the root -> content, and what went wrong: a contract that does not
        compile, or one too large to deploy.
    """
    files: dict[str, str] = {}
    broken: list[Finding] = []
    errors: dict[str, dict[str, str]] = {}
    doubles = [root / name for name in PACKAGED_DOUBLES if (root / name).exists()]
    paths = [*deployables(root), *doubles]
    for path, result in zip(paths, compiled_all(root, paths, workers), strict=True):
        if isinstance(result, Finding):
            broken.append(result)
            continue
        size = result.runtime_bytes
        if size > MAX_RUNTIME_BYTES:
            message = f"runtime code has {size} bytes, at most {MAX_RUNTIME_BYTES} (EIP-170)"
            broken.append(Finding(path.relative_to(root).as_posix(), 0, "size", message))
        print(f"{path.stem}: {size} of {MAX_RUNTIME_BYTES} bytes")
        files[f"{ABI_FOLDER}/{path.stem}.json"] = render_abi(result.abi)
        files[f"{LAYOUT_FOLDER}/{path.stem}.json"] = render(result.layout)
        if path not in doubles:
            errors[path.stem] = result.reasons
    files[f"{ABI_FOLDER}/errors.json"] = render(errors)
    return files, broken


def differences(root: Path, files: dict[str, str]) -> Iterator[Finding]:
    """Compares the artefacts with the committed ones.

    Args:
        root: The repository root.
        files: What they should be, from `build`.

    Yields:
        One finding for each that is missing, old, or left over.
    """
    for name, content in files.items():
        path = root / name
        if not path.exists():
            yield Finding(name, 0, "artifact", "missing: run `make artifacts`")
        elif path.read_text(encoding="utf-8") != content:
            yield Finding(name, 0, "artifact", "out of date: run `make artifacts`, read the diff")
    for path in leftovers(root, files):
        name = path.relative_to(root).as_posix()
        yield Finding(name, 0, "artifact", "belongs to no contract: run `make artifacts`")


def leftovers(root: Path, files: dict[str, str]) -> list[Path]:
    """Lists artefacts of contracts that are gone.

    Args:
        root: The repository root.
        files: What should be there.

    Returns:
        Absolute paths.
    """
    there = [
        path for folder in (ABI_FOLDER, LAYOUT_FOLDER) for path in (root / folder).glob("*.json")
    ]
    return sorted(path for path in there if path.relative_to(root).as_posix() not in files)


def write(root: Path, files: dict[str, str]) -> None:
    """Writes the artefacts and removes those of contracts that are gone.

    Args:
        root: The repository root.
        files: File name relative to the root -> content.
    """
    for path in leftovers(root, files):
        path.unlink()
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def main() -> int:
    """Writes or checks this repository's artefacts.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.artifacts", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail on any difference"
    )
    arguments = parser.parse_args()
    files, broken = build(ROOT, workers=os.cpu_count() or 1)
    if arguments.check:
        broken.extend(differences(ROOT, files))
    elif not broken:
        write(ROOT, files)
    return report(broken, f"{len(files)} artefacts")


if __name__ == "__main__":
    sys.exit(main())
