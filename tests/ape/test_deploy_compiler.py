# SPDX-License-Identifier: Apache-2.0
"""What is kept of the compiler is found again, and never after any source has changed."""

import pytest

from scripts._deploy import compiler

MODULE = "X: constant(uint256) = {}\n\n@internal\ndef x() -> uint256:\n    return X\n"
JAR = "import shelf\n\n@external\ndef x() -> uint256:\n    return shelf.x()\n"


@pytest.fixture
def jar(tmp_path, monkeypatch):
    """A project of one contract and its module; compiles as a new process would."""
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    (contracts / "Jar.vy").write_text(JAR)
    monkeypatch.setattr(compiler, "ROOT", tmp_path)
    monkeypatch.setattr(compiler, "CACHE", tmp_path / ".build")
    monkeypatch.setattr(compiler, "SOURCES", {"Jar": "contracts/Jar.vy"})
    compiled = []
    whole = compiler._compile
    monkeypatch.setattr(
        compiler, "_compile", lambda name, **fresh: compiled.append(name) or whole(name, **fresh)
    )

    def compile_with(x):
        (contracts / "shelf.vy").write_text(MODULE.format(x))
        compiler._remembered.cache_clear()
        compiler._sum_of_sources.cache_clear()
        before = len(compiled)
        return compiler.compile_contract("Jar").runtime_code, len(compiled) - before

    yield compile_with
    compiler._remembered.cache_clear()
    compiler._sum_of_sources.cache_clear()


def test_the_same_sources_are_not_given_to_the_compiler_again(jar):
    code, once = jar(7)
    assert once == 1
    assert jar(7) == (code, 0)


def test_a_changed_module_is_a_changed_contract(jar):
    seven, _ = jar(7)
    eight, again = jar(8)
    assert eight != seven
    assert again == 1
    assert jar(7) == (seven, 0)  # as it was: its result is still there


def test_what_is_kept_of_these_sources_is_not_generated_again(jar, monkeypatch):
    code, _ = jar(7)
    for known in compiler.CACHE.glob("*.known"):
        known.unlink()  # as after `python -m tools.artifacts`, which does not know the plain hash
    monkeypatch.delattr(compiler, "keep")
    assert jar(7) == (code, 1)
