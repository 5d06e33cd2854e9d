# SPDX-License-Identifier: Apache-2.0
"""Line maps of this repository's contracts: made once of the same sources, kept in `.build/lines`.

They are not committed: an edit of a comment would change them, and they are of use only beside the
code that they are of, which the commit of a deployment's record gives anew.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

import msgspec

from cortensor.errors import InvalidInput
from cortensor.gas.line_map import LineMap, load_line_map
from scripts._deploy.compiler import ROOT, SOURCES, compile_contract
from scripts._gas.mapping import map_lines

LINES_FOLDER = ROOT / ".build" / "lines"


@cache
def line_map_of(name: str, folder: Path = LINES_FOLDER) -> LineMap:
    """Return a contract's line map as its sources are now; also written as `<name>.json`.

    Args:
        name: a key of `SOURCES`.
        folder: where it is kept.

    Raises:
        VyperException: a source does not compile.
    """
    from vyper.compiler.input_bundle import FilesystemInputBundle  # noqa: PLC0415
    from vyper.compiler.phases import CompilerData  # noqa: PLC0415

    artifact = compile_contract(name)
    kept = _kept(name, folder)
    if kept is not None and kept.integrity == artifact.integrity:
        return kept
    paths = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    bundle = FilesystemInputBundle([*paths, ROOT])
    with bundle.search_path(ROOT):
        data = CompilerData(bundle.load_file(Path(SOURCES[name])), bundle)
        made = map_lines(artifact, data)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{name}.{os.getpid()}.tmp"  # other processes may write the same
    partial.write_bytes(msgspec.json.encode(made))
    partial.replace(folder / f"{name}.json")
    return made


def _kept(name: str, folder: Path) -> LineMap | None:
    try:
        return load_line_map(folder, name)
    except InvalidInput:
        return None  # of an earlier form
