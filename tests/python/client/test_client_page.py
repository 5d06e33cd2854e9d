# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/client.md run, one after the other, as a reader would type them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.receipts.sign import address_of
from tests.python.router.fake_model import Script
from tests.python.router.harness import (
    CARD,
    COR,
    DOMAIN,
    PAYER,
    PAYER_KEY,
    SESSION_KEY,
    SIGNER_KEY,
    session_number,
)

if TYPE_CHECKING:
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

PAGE = Path(__file__).resolve().parents[3] / "docs" / "client.md"


def test_every_example_runs(
    router: Router,
    node: FakeNode,
    model: FakeModel,
    lent: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = node.open(session_number(2), PAYER, COR // 100)
    names: dict[str, Any] = {
        "URL": router.url,
        "SESSION": session,
        "VOUCHER_SESSION": lent,
        "CHAIN_ID": DOMAIN.chain_id,
        "SESSION_PAYMENT": DOMAIN.session_payment,
        "PAYER": PAYER_KEY,
        "SESSION_KEY": SESSION_KEY,
        "SIGNER": address_of(SIGNER_KEY),
        "CARD": CARD,
        "FOLDER": tmp_path,
    }
    model.default = Script('{"verdict": "VALID"}')
    shown = []
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(block, names)  # the page's own text
        shown.append(capsys.readouterr().out.split())
    first, conversation, stream, again, keys, trusted, refused, vouchers = shown
    assert first[0] == "VALID"
    assert first[-1] == "consistent"
    assert conversation == ["VALID", "1"]
    assert stream[:2] == ['{"verdict":', '"VALID"}']
    assert int(stream[2]) > 0
    assert stream[3] == "consistent"
    assert again[:2] == stream[:2]
    assert again[2].startswith("urn:cortensor:receipt:0x")
    assert keys[0] == "[('reports',"
    assert keys[2] == "True"
    assert trusted == ["proven"]
    assert refused[0] == "over_budget"
    assert int(refused[1]) > int(refused[2])
    assert vouchers[0] == vouchers[1] == str(router.ledger()[lent][0])
