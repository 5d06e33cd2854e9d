# SPDX-License-Identifier: Apache-2.0
"""Many transactions' gas by source line, added up into one graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cortensor.chain.tracer import read_traced
from cortensor.gas.closure import Closure
from cortensor.gas.flame import Box, root_box
from cortensor.gas.flame_files import write_graph
from cortensor.gas.flame_page import Drawn
from cortensor.gas.profile import profile
from scripts._gas.bench import Bench
from scripts._gas.envelope import BROTLI_LEVEL
from scripts._gas.line_maps import line_map_of
from scripts._gas.profiles import LineMapOf, graph_of, known_of
from scripts._gas.used import Used


class Flames:
    """A graph that grows.

    Args:
        line_map: returns a contract's line map, None to draw it as one box.

    Attributes:
        root: all that was added.
        closure: the parts of the receipts' gas, summed; its execution is what `root` divides.
        count: of how many transactions.
    """

    def __init__(self, line_map: LineMapOf = line_map_of) -> None:
        self.line_map = line_map
        self.root = root_box()
        self.closure = Closure(0, 0, 0, 0)
        self.count = 0

    def add(self, graph: Box, closure: Closure) -> None:
        """Add a transaction's graph."""
        self.root.add(graph)
        self.closure = Closure(*map(sum, zip(self.closure, closure, strict=True)))
        self.count += 1

    def trace(self, bench: Bench, used: Used) -> None:
        """Trace a transaction, and add its graph while the node has it.

        Raises:
            Error: as `read_traced` and `profile`.
        """
        traced = read_traced(bench.web3, used.tx_hash)
        known = known_of(bench)
        drawn = graph_of(traced, known, self.line_map)
        self.add(drawn, profile(traced, known, BROTLI_LEVEL).closure)

    def write(self, paths: Sequence[Path], title: str, what: str) -> None:
        """Write the graph to each file, and say so.

        Args:
            paths: files, each `.html` or `.folded`.
            title: of a page.
            what: which transactions they are.

        Raises:
            InvalidInput: a file cannot be written.
        """
        told = f"{self.count:,} transactions: {what}"
        write_graph(paths, self.root, Drawn(title, told, self.closure), [])
