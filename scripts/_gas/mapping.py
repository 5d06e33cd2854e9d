# SPDX-License-Identifier: Apache-2.0
"""Instructions to source lines, out of the compiler.

Vyper's own source map knows a third of the instructions: most of its intermediate code has no
source of its own. Here each piece takes its parent's, so that nearly all have one. What is
assembled so has to be the compiler's own code, byte for byte.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cortensor.errors import VerificationFailed
from cortensor.gas.line_map import NOWHERE, Code, Function, Line, LineMap, Run
from cortensor.receipts.keccak import keccak256, to_hex
from scripts._deploy.compiler import ROOT, Artifact

PUSH1, PUSH32 = 0x60, 0x7F


class Spot(NamedTuple):
    """Where an instruction comes from."""

    path: Path
    function: str
    function_line: int
    line: int


def map_lines(artifact: Artifact, data: Any) -> LineMap:
    """Return the line map of a contract.

    Args:
        artifact: what the compiler made of it.
        data: Vyper's `CompilerData` of the same sources.

    Raises:
        VerificationFailed: what was assembled here is not what the compiler made: a bug.
    """
    creation, start, spots = _assemble(data)
    runtime = artifact.runtime_code
    if (creation, creation[start : start + len(runtime)]) != (artifact.creation_code, runtime):
        raise VerificationFailed(
            f"{artifact.name}: mapped code differs from compiled code", field="lines"
        )
    book = _Book()
    on_chain = {pc - start: spot for pc, spot in spots.items() if pc >= start}
    codes = book.code(runtime, on_chain), book.code(creation, spots, start)
    return LineMap(
        artifact.name,
        artifact.integrity,
        list(book.files),
        list(book.functions),
        [Line(file, number, book.text(file, number)) for file, number in book.lines],
        *codes,
    )


def _assemble(data: Any) -> tuple[bytes, int, dict[int, Spot]]:
    """Return the code that creates the contract, where its runtime code begins, and the spots."""
    # The compiler takes half a second to import, and `ape run` imports every script.
    from vyper.codegen import module  # noqa: PLC0415
    from vyper.compiler.settings import anchor_settings  # noqa: PLC0415
    from vyper.ir import compile_ir, optimizer  # noqa: PLC0415

    with anchor_settings(data.settings):
        tree, _ = module.generate_ir_for_module(data.global_ctx)
        _inherit(tree)
        tree = optimizer.optimize(tree)
        _inherit(tree)
        assembly = compile_ir.compile_to_assembly(tree, optimize=data.settings.optimize)
    code, maps, symbols = compile_ir.assembly_to_evm_with_symbol_map(
        assembly, compiler_metadata=bytes.fromhex(data.integrity_sum)
    )
    begin = next(
        str(item[0].label)
        for item in assembly
        if isinstance(item, list) and hasattr(item[0], "ctor_mem_size")
    )
    spots = {pc: _spot(node) for pc, node in maps["pc_raw_ast_map"].items()}
    return code, symbols[begin], {pc: spot for pc, spot in spots.items() if spot is not None}


def _inherit(node: Any) -> None:
    """Give each piece of intermediate code that has no source its parent's, all the way down."""
    for place, each in enumerate(node.args):
        if not each.args:
            # The compiler shares leaves, such as where a variable is: the last use names them all.
            node.args[place] = leaf = copy.copy(each)
            leaf.ast_source = node.ast_source or each.ast_source
        elif each.ast_source is None:
            each.ast_source = node.ast_source
        _inherit(node.args[place])


def _spot(node: Any) -> Spot | None:
    """Return where a node of the syntax tree is; None if it is in no function."""
    from vyper.ast import nodes  # noqa: PLC0415

    if isinstance(node, nodes.Module):
        return None
    path = Path(node.module_node.resolved_path)
    within = _self_or_above(node, nodes.FunctionDef)
    if within is not None:
        return Spot(path, str(within.name), within.lineno, node.lineno)
    variable = _self_or_above(node, nodes.VariableDecl)  # of which the compiler makes a getter
    if variable is None:
        return None
    return Spot(path, str(variable.target.id), variable.lineno, node.lineno)


def _self_or_above(node: Any, kind: Any) -> Any:
    return node if isinstance(node, kind) else node.get_ancestor(kind)


class _Book:
    """Files, functions and lines, each noted once: key -> its place."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.functions: dict[Function, int] = {}
        self.lines: dict[tuple[int, int], int] = {}
        self._texts: list[list[str]] = []

    def code(self, code: bytes, spots: Mapping[int, Spot], end: int | None = None) -> Code:
        """Return where the instructions of code come from, as runs of the same line."""
        runs: list[Run] = []
        for pc in _instructions(code[:end]):
            run = self._run(pc, spots.get(pc))
            if not runs or runs[-1][1:] != run[1:]:
                runs.append(run)
        return Code(len(code), to_hex(keccak256(code)), runs)

    def _run(self, pc: int, spot: Spot | None) -> Run:
        if spot is None:
            return Run(pc, NOWHERE, NOWHERE)
        file = self._file(spot.path)
        function = Function(spot.function, file, spot.function_line)
        return Run(
            pc,
            self.functions.setdefault(function, len(self.functions)),
            self.lines.setdefault((file, spot.line), len(self.lines)),
        )

    def _file(self, path: Path) -> int:
        name = _short(path)
        if name not in self.files:
            self.files[name] = len(self.files)
            self._texts.append(path.read_text("utf-8").splitlines())
        return self.files[name]

    def text(self, file: int, number: int) -> str:
        return self._texts[file][number - 1].strip()


def _instructions(code: bytes) -> list[int]:
    """Return where each instruction begins."""
    found, pc = [], 0
    while pc < len(code):
        found.append(pc)
        pc += 1 + (code[pc] - PUSH1 + 1 if PUSH1 <= code[pc] <= PUSH32 else 0)
    return found


def _short(path: Path) -> str:
    """Return a source's path without the machine's own folders."""
    if "site-packages" in path.parts:
        return Path(*path.parts[path.parts.index("site-packages") + 1 :]).as_posix()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
