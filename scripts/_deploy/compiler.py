# SPDX-License-Identifier: Apache-2.0
"""What the Vyper sources compile to, straight from the compiler.

Ape's artefact cache is not used: it does not see that an imported module changed. Results are kept
in `.build/vyper-2` under the compiler's own integrity sum, which covers a source and all it
imports, so a stale result cannot be found. The sum takes the compiler a fifth of a second, so which
it was is kept too, under a plain hash of all there is to import.
"""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from os import getpid
from pathlib import Path
from typing import Any

from eth_utils import keccak

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".build" / "vyper-2"
LIBRARY = "snekmate"
SOURCES = {
    "MockCOR": "contracts/mocks/MockCOR.vy",
    "WrappedCOR": "contracts/WrappedCOR.vy",
    "MockAnchorReader": "contracts/mocks/MockAnchorReader.vy",
    "MockBlockingToken": "contracts/mocks/MockBlockingToken.vy",
    "SessionPaymentTable": "contracts/SessionPaymentTable.vy",
    "ReceiptAnchor": "contracts/ReceiptAnchor.vy",
    "StakePool": "contracts/StakePool.vy",
    "StakeQuota": "contracts/StakeQuota.vy",
    "SessionPayment": "contracts/SessionPayment.vy",
    "SettlementDispute": "contracts/SettlementDispute.vy",
    "IdentityRegistry": "contracts/erc8004/IdentityRegistry.vy",
    "ReputationRegistry": "contracts/erc8004/ReputationRegistry.vy",
    "ValidationRegistry": "contracts/erc8004/ValidationRegistry.vy",
    "AgentValidator": "contracts/AgentValidator.vy",
    "NodeReputation": "contracts/NodeReputation.vy",
    "RewardFund": "contracts/RewardFund.vy",
    "RewardTable": "contracts/RewardTable.vy",
    "NodeReward": "contracts/NodeReward.vy",
    "RewardDispute": "contracts/RewardDispute.vy",
    "Phase2Payment": "contracts/baseline/Phase2Payment.vy",
    "Phase2Session": "contracts/baseline/Phase2Session.vy",
    "Phase2Queue": "contracts/baseline/Phase2Queue.vy",
}


@dataclass(frozen=True)
class Artifact:
    """One compiled contract.

    Attributes:
        name: the contract's name.
        source: path in the repository.
        integrity: sha256 over the source and everything it imports, in hex.
        abi: the JSON ABI.
        creation_code: what is deployed, before the constructor's arguments.
        runtime_code: the code on chain, before immutables.
        immutable_bytes: how many bytes of them stand behind it.
        compiler: name, version, evm_version, optimize and settings, as records have them.
    """

    name: str
    source: str
    integrity: str
    abi: list[dict[str, Any]]
    creation_code: bytes
    runtime_code: bytes
    immutable_bytes: int
    compiler: dict[str, Any]

    @property
    def creation_code_hash(self) -> str:
        """keccak256 of the creation code, in hex with 0x."""
        return "0x" + keccak(self.creation_code).hex()


def compile_contract(name: str, *, fresh: bool = False) -> Artifact:
    """Compile a contract of this repository, or take the result of the same sources.

    Args:
        name: a key of `SOURCES`.
        fresh: compile even if a result is there.

    Raises:
        VyperException: if a source does not compile.
    """
    return _compile(name, fresh=True) if fresh else _remembered(name)


@cache
def _remembered(name: str) -> Artifact:
    # Once a process: a plan made from one state of the sources is carried out from the same.
    known = _known_as(name)
    if known.is_file():
        cached = CACHE / known.read_text()
        if cached.is_file():
            return _read(cached)
    return _compile(name, fresh=False)


def _known_as(name: str) -> Path:
    """Return the file that holds under which name a contract's result is kept."""
    return CACHE / f"{name}-{version('vyper')}-{_sum_of_sources()}.known"


@cache
def _sum_of_sources() -> str:
    """Return the sha256, in hex, of every file that a contract could import."""
    library = find_spec(LIBRARY)
    installed = (library.submodule_search_locations if library else None) or []
    folders = [ROOT / "contracts", *map(Path, installed)]
    total = sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.vy*")):
            total.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def _compile(name: str, *, fresh: bool) -> Artifact:
    # Here and not above: the compiler takes half a second to import, and `ape run` imports every
    # script to list their names.
    from vyper.compiler.input_bundle import FilesystemInputBundle  # noqa: PLC0415
    from vyper.compiler.phases import CompilerData  # noqa: PLC0415

    # At Python's usual pace the search for garbage takes a fifth of the time of compiling.
    gc.set_threshold(200_000, 20, 100)
    paths = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    bundle = FilesystemInputBundle([*paths, ROOT])
    with bundle.search_path(ROOT):
        data = CompilerData(bundle.load_file(Path(SOURCES[name])), bundle)
        cached = _kept_as(name, data)
        artifact = _read(cached) if not fresh and cached.is_file() else keep(name, data)
    _put(_known_as(name), cached.name)
    return artifact


def keep(name: str, data: Any) -> Artifact:
    """Keep what the compiler makes of a contract of this repository, for whoever wants it next.

    Args:
        name: a key of `SOURCES`.
        data: its `vyper.compiler.phases.CompilerData`.

    Raises:
        VyperException: if the source does not compile.
    """
    from vyper.compiler.output import build_abi_output  # noqa: PLC0415

    artifact = Artifact(
        name=name,
        source=SOURCES[name],
        integrity=data.integrity_sum,
        abi=build_abi_output(data),
        creation_code=bytes(data.bytecode),
        runtime_code=bytes(data.bytecode_runtime),
        immutable_bytes=data.global_ctx.immutable_section_bytes,
        compiler=_compiler(version("vyper"), data.settings),
    )
    _write(_kept_as(name, data), artifact)
    return artifact


def _kept_as(name: str, data: Any) -> Path:
    """Return the file that holds what a contract with these imports compiles to."""
    return CACHE / f"{name}-{version('vyper')}-{data.integrity_sum}.json"


def _compiler(compiler_version: str, settings: Any) -> dict[str, Any]:
    return {
        "name": "vyper",
        "version": compiler_version,
        "evm_version": settings.evm_version,
        "optimize": str(settings.optimize),
        "settings": {
            "experimental_codegen": bool(settings.experimental_codegen),
            "nonreentrancy_by_default": bool(settings.nonreentrancy_by_default),
        },
    }


def _read(path: Path) -> Artifact:
    fields = json.loads(path.read_text())
    for key in ("creation_code", "runtime_code"):
        fields[key] = bytes.fromhex(fields[key])
    return Artifact(**fields)


def _write(path: Path, artifact: Artifact) -> None:
    fields = dict(vars(artifact))
    for key in ("creation_code", "runtime_code"):
        fields[key] = fields[key].hex()
    _put(path, json.dumps(fields))


def _put(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{getpid()}.tmp")
    partial.write_text(content)
    partial.replace(path)
