# SPDX-License-Identifier: Apache-2.0
"""Each lint rule catches the sample it was written for, and nothing in clean code."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.lint_vyper import lint

Spoil = Callable[[str, str, str], Path]
JAR = "contracts/Jar.vy"
IJAR = "contracts/interfaces/IJar.vyi"
RULES = "contracts/lib/jar_rules.vy"


def broken(root: Path) -> set[tuple[str, str]]:
    """Path and rule of each finding."""
    return {(finding.path, finding.rule) for finding in lint(root)}


def test_clean_code_has_no_finding(repository: Path) -> None:
    assert list(lint(repository)) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "rule"),
    [
        # CVE-2026-114114 and -114116: characters that move source positions
        pytest.param(JAR, "Counts tips", "Counts t\u00efps", "ascii", id="letter-outside-ascii"),
        pytest.param(JAR, "# SPDX", "\ufeff# SPDX", "ascii", id="byte-order-mark"),
        pytest.param(RULES, "@dev Reverts", "@dev\x0cReverts", "ascii", id="form-feed"),
        pytest.param(RULES, "@dev Reverts", "@dev\u2028Reverts", "ascii", id="line-separator"),
        pytest.param(IJAR, "Gives a tip.\n", "Gives a tip.\r\n", "ascii", id="carriage-return"),
        pytest.param(JAR, "    self._tips = f", "\tself._tips = f", "ascii", id="tab"),
        pytest.param(RULES, 'tip"\n', 'tip"', "ascii", id="no-last-line-feed"),
        # CVE-2026-114117
        pytest.param(JAR, "= msg.value", "= (msg.value | 2)", "bitor", id="or-on-value"),
        pytest.param(
            JAR, "= msg.value", "= (msg.value * 2) | 4", "bitor", id="or-on-derived-value"
        ),
        pytest.param(JAR, "= msg.value", "= len(msg.data) | 2", "bitor", id="or-on-data-length"),
        pytest.param(JAR, "+= amount", "|= msg.value", "bitor", id="or-assigned"),
        # header
        pytest.param(JAR, "AGPL-3.0-only", "Apache-2.0", "spdx", id="other-licence"),
        pytest.param(JAR, "version 0.4.3", "version ~=0.4.3", "pragma", id="loose-version"),
        pytest.param(RULES, "version ~=0.4.3", "version 0.4.3", "pragma", id="exact-in-library"),
        pytest.param(JAR, "cancun", "prague", "pragma", id="other-evm"),
        pytest.param(JAR, "# pragma nonreentrancy on\n", "", "pragma", id="pragma-missing"),
        pytest.param(JAR, "nonreentrancy on", "nonreentrancy off", "pragma", id="lock-off"),
        pytest.param(
            JAR,
            "# pragma evm-version cancun\n# pragma optimize gas",
            "# pragma optimize gas\n# pragma evm-version cancun",
            "pragma",
            id="pragmas-out-of-order",
        ),
        pytest.param(JAR, "# pragma optimize gas", "\n# pragma optimize gas", "pragma", id="gap"),
        # reasons
        pytest.param(JAR, ', "jar: too little"', "", "reason", id="bare-assert"),
        pytest.param(JAR, "jar: too little", "Too little", "reason", id="no-module"),
        pytest.param(JAR, "jar: too little", "jar: " + "x" * 28, "reason", id="over-a-word"),
        pytest.param(RULES, "jar_rules: empty", "jar: empty", "reason", id="another-file's-prefix"),
        pytest.param(
            JAR,
            "    return",
            '    if amount > 9:\n        raise "tip: large"\n    return',
            "reason",
            id="two-prefixes",
        ),
        pytest.param(
            JAR, "    self._tips +=", "    # dev: no\n    self._tips +=", "reason", id="dev"
        ),
        # documentation
        pytest.param(JAR, "@custom:kill Nothing to switch off.\n", "", "natspec", id="no-kill"),
        pytest.param(JAR, "@custom:security Holds no funds.\n", "", "natspec", id="no-security"),
        pytest.param(IJAR, "    @param amount Wei.\n", "", "natspec", id="parameter-untold"),
        pytest.param(IJAR, "@param amount", "@param amounts", "natspec", id="parameter-misspelt"),
        pytest.param(
            IJAR, "    @return uint256 All tips so far, in wei.\n", "", "natspec", id="return"
        ),
        pytest.param(JAR, "    @notice Opens the jar.\n", "", "natspec", id="no-notice"),
        pytest.param(
            RULES,
            '    """\n    @dev Reverts on an empty tip.\n    @param amount Wei.\n    """\n',
            "",
            "natspec",
            id="internal-undocumented",
        ),
        # interface
        pytest.param(JAR, "ownable.owner", "ownable.__interface__", "exports", id="export-all"),
        # compilation
        pytest.param(
            JAR, "self._tips += amount", "self._tops += amount", "compile", id="type-error"
        ),
        pytest.param(JAR, "self._tips += amount", "self._tips += (", "syntax", id="syntax-error"),
    ],
)
def test_rule_catches(spoil: Spoil, name: str, old: str, new: str, rule: str) -> None:
    assert (name, rule) in broken(spoil(name, old, new))


@pytest.mark.parametrize(
    ("folder", "text", "is_fine"),
    [
        ("erc8004", "Not authorized", True),
        ("erc8004", "resp>100", True),
        ("erc8004", "Not allowed", False),
        ("", "Not authorized", False),
    ],
)
def test_only_the_registries_may_use_the_texts_that_their_clients_compare(
    spoil: Spoil, folder: str, text: str, *, is_fine: bool
) -> None:
    root = spoil(JAR, "jar: too little", text)
    jar = root / JAR
    moved = jar.parent / folder / jar.name
    moved.parent.mkdir(exist_ok=True)
    jar.rename(moved)
    expected = set() if is_fine else {(moved.relative_to(root).as_posix(), "reason")}
    assert broken(root) == expected


def with_body(spoil: Spoil, body: str) -> Path:
    """Puts statements at the start of `tip`."""
    indented = textwrap.indent(textwrap.dedent(body), "    ")
    return spoil(JAR, "    jar_rules._check(amount)\n", f"    jar_rules._check(amount)\n{indented}")


def test_ternary_on_array_literals_is_caught(spoil: Spoil) -> None:
    body = "pair: uint256[2] = [1, 2] if amount > 1 else [3, 4]\n"
    assert (JAR, "ternary") in broken(with_body(spoil, body))


def test_ternary_on_array_variables_is_caught_by_type(spoil: Spoil) -> None:
    root = with_body(
        spoil,
        """\
        few: DynArray[uint256, 2] = []
        many: DynArray[uint256, 2] = [amount]
        chosen: DynArray[uint256, 2] = many if amount > 1 else few
        """,
    )
    assert (JAR, "ternary") in broken(root)


def test_ternary_on_numbers_is_fine(spoil: Spoil) -> None:
    assert broken(with_body(spoil, "chosen: uint256 = 1 if amount > 1 else 2\n")) == set()


def test_or_on_a_local_is_fine(spoil: Spoil) -> None:
    assert (
        broken(with_body(spoil, "sent: uint256 = msg.value\nflags: uint256 = sent | 2\n")) == set()
    )


def test_code_offset_known_only_at_run_time_is_caught(spoil: Spoil) -> None:
    body = "child: address = create_from_blueprint(msg.sender, code_offset=amount)\n"
    assert (JAR, "blueprint") in broken(with_body(spoil, body))


def test_literal_code_offset_is_fine(spoil: Spoil) -> None:
    body = "child: address = create_from_blueprint(msg.sender, code_offset=3)\n"
    assert broken(with_body(spoil, body)) == set()


def test_unreachable_needs_no_reason(spoil: Spoil) -> None:
    assert broken(with_body(spoil, "if amount == 0:\n    raise UNREACHABLE\n")) == set()


def test_reason_in_a_constant_is_read(spoil: Spoil) -> None:
    root = spoil(
        JAR, "_tips: uint256\n", '_SHOUT: constant(String[9]) = "TOO MUCH"\n_tips: uint256\n'
    )
    (root / JAR).write_text((root / JAR).read_text().replace('"jar: too little"', "_SHOUT"))
    assert (JAR, "reason") in broken(root)


@pytest.mark.parametrize(
    "module",
    ["snekmate.utils import eip712_domain_separator", "snekmate.utils import base64"],
)
def test_installed_module_outside_ascii_is_forbidden(spoil: Spoil, module: str) -> None:
    root = spoil(
        JAR,
        "from snekmate.auth import ownable\n",
        f"from snekmate.auth import ownable\nfrom {module}\n",
    )
    file = f"snekmate/utils/{module.rpartition(' ')[2]}.vy"
    assert (file, "ascii") in broken(root)


def test_advisories_hold_in_imported_files(spoil: Spoil) -> None:
    root = spoil(RULES, "assert amount != 0", "assert len(msg.data) | 2 != 0 and amount != 0")
    assert (RULES, "bitor") in broken(root)


def test_test_double_may_be_undocumented_and_open(repository: Path) -> None:
    source = (repository / JAR).read_text().replace("nonreentrancy on", "nonreentrancy off")
    source = source.replace("@custom:kill Nothing to switch off.\n", "")
    double = repository / "contracts/mocks/MockJar.vy"
    double.parent.mkdir()
    double.write_text(source.replace(', "jar: too little"', ""))
    assert broken(repository) == set()


def test_positional_event_is_caught_as_a_warning(spoil: Spoil) -> None:
    root = spoil(
        JAR, "_tips: uint256\n", "event Tipped:\n    amount: uint256\n\n\n_tips: uint256\n"
    )
    source = (root / JAR).read_text()
    (root / JAR).write_text(
        source.replace("    return self", "    log Tipped(amount)\n    return self")
    )
    assert (JAR, "compile") in broken(root)


def test_too_much_code_is_caught_and_comments_are_free(spoil: Spoil) -> None:
    comments = "    # why\n" * 500
    root = spoil(JAR, "    self._tips +=", f"{comments}    self._tips +=")
    assert broken(root) == set()
    lines = "    self._tips += 1\n" * 400
    assert (JAR, "length") in broken(spoil(JAR, "    # why\n", lines))
