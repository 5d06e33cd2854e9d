# SPDX-License-Identifier: Apache-2.0
"""Cases of receipt format 4 and bundle format 2."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from cortensor.receipts import (
    address_of,
    canonical_bytes,
    evidence_leaf,
    evidence_root,
    from_hex,
    keccak256,
    output_hash,
    sign,
    to_hex,
)
from tests.conformance.case import Case, chain_facts, trusting
from tests.conformance.edits import drop, edit, high_s, lie, put, reprice
from tests.conformance.party_samples import (
    CONTRACT_SIGNATURE,
    PARTY_JOBS,
    REPLACED,
    by_contract,
    digest_of,
    party_bundles,
    revoked,
    second,
)
from tests.conformance.rule_cases import said
from tests.conformance.samples import ISSUED_AT, OTHER_KEY, SIGNER, fixed, good_bundles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conformance.edits import Data

SUCCESSOR = to_hex(fixed("successor"))


def party_cases() -> list[Case]:
    """Return every case of receipt format 4 and bundle format 2."""
    return [*_good(), *_dishonest(), *_second(), *_malformed()]


def party_facts() -> Data:
    """Return the facts under which the receipts of format 4 verify."""
    bundles = party_bundles()
    facts = chain_facts(bundles)
    newer = bundles["successor"]["receipt_id"]
    facts["revocations"] = {f"{SIGNER}:{REPLACED}": [ISSUED_AT + 9, newer]}
    return facts


def _good() -> Iterator[Case]:
    facts = party_facts()
    for name, bundle in party_bundles().items():
        yield trusting(f"good-party-{name}", "an honest receipt of format 4", bundle, facts)
    hidden = edit(party_bundles()["signed"], put("evidence", []))
    hidden["request"] = None
    why = "miners' signatures hold without their answers"
    kept = ("request", "replica:0", "replica:1", "replica:2")
    yield trusting("good-party-answers-hidden", why, hidden, facts)._replace(withheld=kept)
    offline = party_bundles()["successor"]
    yield Case("good-party-successor-offline", "whom it replaces is not looked up", offline, None)


def miner(index: int, change: Callable[[bytes], bytes]) -> Callable[[Data], None]:
    """Change a miner's signature."""

    def edited(data: Data) -> None:
        entry = data["receipt"]["replicas"][index]
        raw = bytes.fromhex(entry["miner_signature"][2:])
        entry["miner_signature"] = to_hex(change(raw))

    return edited


def other_half(raw: bytes) -> bytes:
    """Return the signature that recovers the same signer from the curve's other half."""
    data = {"signature": to_hex(raw)}
    high_s(data)
    return bytes.fromhex(data["signature"][2:])


def answer_swapped(data: Data) -> None:
    """Let the router write another answer under the miner's signature, leaf and root fitting."""
    _rewrite(data, 1, output="paris!")
    entry = data["receipt"]["replicas"][1]
    entry["output_hash"] = output_hash("paris!")


def units_inflated(data: Data) -> None:
    """Let the router bill more tokens than the miner signed for, leaf, root and price fitting."""
    _rewrite(data, 1, output_units=60)
    data["receipt"]["replicas"][1]["output_units"] = 60
    total = sum(entry["output_units"] for entry in data["receipt"]["replicas"])
    reprice(usage={"output_units": total})(data)


def _rewrite(data: Data, index: int, **fields: object) -> None:
    shown = data["evidence"][index]
    shown["replica"].update(fields)
    leaf = evidence_leaf(from_hex(shown["salt"], 32, "salt"), canonical_bytes(shown["replica"]))
    entries = data["receipt"]["replicas"]
    entries[index]["evidence_leaf"] = to_hex(leaf)
    leaves = [from_hex(entry["evidence_leaf"], 32, "leaf") for entry in entries]
    data["receipt"]["evidence_root"] = evidence_root(leaves)


def _dishonest() -> Iterator[Case]:
    stranger = sign(OTHER_KEY, keccak256(b"anything"))
    first = party_bundles()["signed"]["receipt"]["replicas"][0]["miner_signature"]
    changes: tuple[tuple[str, str, str, list[Any], tuple[str, ...]], ...] = (
        ("miner-made-up", "the router signs in a miner's place", "signed",
         [miner(1, lambda _: stranger)], ("miners",)),
        ("miner-of-another-replica", "one miner's signature stands for another's", "signed",
         [said("replicas.1.miner_signature", first)], ("miners",)),
        ("miner-renamed", "the miner named is not the one who signed", "signed",
         [said("replicas.2.miner", address_of(OTHER_KEY))], ("miners",)),
        ("miner-unnamed", "a miner signed, and none is named", "partly-signed",
         [said("replicas.2.miner", None)], ("miners",)),
        ("miner-other-half", "a second signature of one miner", "signed",
         [miner(0, other_half)], ("miners",)),
        ("miner-without-answer", "a miner's signature, and no answer", "partly-signed",
         [said("replicas.1.miner_signature", first)], ("miners",)),
        ("answer-swapped", "the answer is another than the miner signed", "signed",
         [answer_swapped], ("grouping", "miners")),
        ("units-inflated", "more tokens are billed than the miner signed for", "signed",
         [units_inflated], ("miners",)),
        ("operators-inflated", "one miner with two replicas is counted twice", "partly-signed",
         [said("consensus.operators", 2)], ("miners",)),
        ("successor-charged", "the work is charged again by the receipt that replaces it",
         "successor", [reprice()], ("bill",)),
    )  # fmt: skip
    for name, why, sample, edits, failed in changes:
        bundle = lie(sample, *edits, jobs=PARTY_JOBS)
        yield Case(f"bad-party-{name}", why, bundle, None, failed)
    facts, newer = party_facts(), party_bundles()["successor"]
    for name, why, found in (
        ("replaced-not-revoked", "the receipt replaced still stands", {}),
        ("replaced-by-another", "the receipt replaced has another successor",
         {f"{SIGNER}:{REPLACED}": [ISSUED_AT + 9, SUCCESSOR]}),
    ):  # fmt: skip
        other = edit(facts, put("revocations", found))
        yield trusting(f"chain-party-{name}", why, newer, other, ("succession",))


def _second() -> Iterator[Case]:
    good, facts = good_bundles()["delegate-agreed"], chain_facts()
    yield trusting("good-second-plain", "a bundle of format 2", second(good), facts)
    beside = second(good)
    for item in beside["evidence"]:
        _detach(item["replica"], "output")
    _detach(beside["request"], "canonical")
    kept = ("request.canonical", "replica:0.output", "replica:1.output", "replica:2.output")
    why = "the large texts are beside the bundle, and were not given"
    yield trusting("good-second-detached", why, beside, facts)._replace(withheld=kept)
    other = edit(beside, put("evidence.1.replica.output.keccak256", SUCCESSOR))
    yield Case(
        "bad-second-detached-other", "a text beside the bundle is not the one committed to",
        other, None, ("evidence",), withheld=kept,
    )  # fmt: skip
    contract = by_contract(good)
    key = f"{SIGNER}:{digest_of(contract)}"
    signed = {**copy.deepcopy(facts), "contract_signatures": {key: [CONTRACT_SIGNATURE]}}
    yield trusting("good-second-contract", "a contract says that it signed", contract, signed)
    yield Case(
        "good-second-contract-offline", "whether a contract signed is open offline", contract, None
    )
    why = "the contract does not say that it signed"
    yield trusting("chain-second-contract-denies", why, contract, facts, ("signature",))
    why = "a key's signature is not made good by a contract"
    bundle = second(good, signature=to_hex(sign(OTHER_KEY, keccak256(b"x"))))
    yield trusting("bad-second-key-by-another", why, bundle, facts, ("signature",))
    gone = ("revocation",)
    yield Case("bad-second-revoked", "its signer revoked it", revoked(good), None, gone)
    why = "its signer revoked it and names what replaces it; the chain does not know yet"
    yield trusting("bad-second-replaced", why, revoked(good, SUCCESSOR), facts, gone)
    why = "a revocation that is not the signer's is no revocation, and no good sign"
    yield Case("bad-second-revoked-by-another", why, revoked(good, key=OTHER_KEY), None, gone)
    moved = edit(revoked(good), put("revocation.successor", SUCCESSOR))
    why = "the successor is not the one that was signed"
    yield Case("bad-second-successor-changed", why, moved, None, gone)


def _detach(data: Data, name: str) -> None:
    data[name] = {"keccak256": to_hex(keccak256(data[name].encode()))}


def _malformed() -> Iterator[Case]:
    signed, plain = party_bundles()["signed"], good_bundles()["delegate-agreed"]
    paid = party_bundles()["paid"]
    beside = edit(plain, lambda data: _detach(data["evidence"][0]["replica"], "output"))
    asked = edit(plain, lambda data: _detach(data["request"], "canonical"))
    for name, why, bundle, field in (
        ("field-in-format-1", "a field of format 4 in format 1",
         edit(plain, said("supersedes", None)), "receipt"),
        ("field-left-out", "a field of format 4 is missing",
         edit(signed, drop("receipt.payment")), "receipt"),
        ("needless", "format 4 has nothing that needs it",
         edit(paid, said("payment", None)), "receipt"),
        ("unknown-scheme", "no such way to pay",
         edit(paid, said("payment.scheme", "cash")), "receipt.payment.scheme"),
        ("no-network", "a network is named by CAIP-2",
         edit(paid, said("payment.network", "Base")), "receipt.payment.network"),
        ("signature-cut", "a miner's signature has 65 bytes",
         edit(signed, said("replicas.0.miner_signature", "0x11")),
         "receipt.replicas[0].miner_signature"),
        ("text-beside-format-1", "a text beside a bundle of format 1", beside,
         "evidence[0].replica.output"),
        ("request-beside-format-1", "a request beside a bundle of format 1", asked,
         "request.canonical"),
        ("revocation-in-format-1", "a revocation in a bundle of format 1",
         {**plain, "revocation": None}, "revocation"),
        ("revocation-left-out", "a bundle of format 2 says whether it was revoked",
         edit(second(plain), drop("revocation")), "revocation"),
        ("signed-by-left-out", "a bundle of format 2 says what its signer is",
         edit(second(plain), drop("signed_by")), "signed_by"),
        ("contract-in-format-1", "a contract's signature in a bundle of format 1",
         {**plain, "signature": CONTRACT_SIGNATURE}, "signature"),
        ("long-key-signature", "a key's signature has 65 bytes",
         second(plain, signature=CONTRACT_SIGNATURE), "signature"),
    ):  # fmt: skip
        yield Case(f"malformed-party-{name}", why, bundle, None, (), field)
