# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as signed notes (C2SP tlog-checkpoint, signed-note), signed with Ed25519."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa
from msgspec import Struct

from cortensor.errors import InvalidInput

ED25519 = b"\x01"
KEY_ID_BYTES = 4
HASH_BYTES = 32
DASH = "\u2014"
MAX_NOTE_BYTES = 1_000_000
_SEED_DOMAIN = b"cortensor-tlog-ed25519/1"


class Checkpoint(Struct, frozen=True):
    """What a log says of itself: its name, how many entries it has, and the root over them.

    `extension` are further lines, which are signed as well.
    """

    origin: str
    size: int
    root: bytes
    extension: list[str] = []

    def text(self) -> str:
        """Return the text that is signed."""
        lines = [self.origin, str(self.size), b64encode(self.root).decode(), *self.extension]
        return "".join(f"{line}\n" for line in lines)


class NoteKey:
    """A key that signs notes.

    Args:
        secret: 32 bytes, of which the key is made; they cannot be told from it.
        name: the log's origin.
    """

    def __init__(self, secret: bytes, name: str) -> None:
        seed = sha256(_SEED_DOMAIN + secret).digest()
        self._key = ECC.construct(curve="Ed25519", seed=seed)  # type: ignore[arg-type]  # bytes are taken
        self._name = name
        self._public = self._key.public_key().export_key(format="raw")

    @property
    def verifier(self) -> str:
        """The key by which the notes are verified, `<name>+<id>+<key>`."""
        key_id = _key_id(self._name, self._public)
        return f"{self._name}+{key_id.hex()}+{b64encode(ED25519 + self._public).decode()}"

    def sign(self, text: str) -> str:
        """Return a text as a signed note."""
        signature = eddsa.new(self._key, "rfc8032").sign(text.encode())
        blob = b64encode(_key_id(self._name, self._public) + signature).decode()
        return f"{text}\n{DASH} {self._name} {blob}\n"


def open_note(note: str, verifier: str) -> str:
    """Return the text of a note that a key signed.

    Raises:
        InvalidInput: it is no note, or not signed by this key.
    """
    name, key_id, public = _read_verifier(verifier)
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or len(note) > MAX_NOTE_BYTES:
        raise InvalidInput("is no signed note", field="checkpoint")
    text += "\n"
    for line in signatures.splitlines():
        found = line.removeprefix(f"{DASH} {name} ")
        if found == line:
            continue
        try:
            blob = b64decode(found, validate=True)
        except ValueError:
            continue
        if blob[:KEY_ID_BYTES] != key_id:
            continue
        try:
            key = eddsa.import_public_key(public)
            eddsa.new(key, "rfc8032").verify(text.encode(), blob[KEY_ID_BYTES:])
        except ValueError:
            continue
        return text
    raise InvalidInput("is not signed by the log's key", field="checkpoint")


def read_checkpoint(text: str) -> Checkpoint:
    """Return a checkpoint of its text. Raises InvalidInput for another text."""
    lines = text.splitlines()
    try:
        origin, size, root, *extension = lines
        found = Checkpoint(origin, int(size), b64decode(root, validate=True), extension)
    except ValueError as error:
        raise InvalidInput("is no checkpoint", field="checkpoint") from error
    if found.text() != text or found.size < 0 or len(found.root) != HASH_BYTES:
        raise InvalidInput("is no checkpoint", field="checkpoint")
    return found


def _read_verifier(verifier: str) -> tuple[str, bytes, bytes]:
    name, _, rest = verifier.partition("+")
    key_id, _, blob = rest.partition("+")
    try:
        decoded, named = b64decode(blob, validate=True), bytes.fromhex(key_id)
    except ValueError as error:
        raise InvalidInput("is no verifier key", field="key") from error
    public = decoded[len(ED25519) :]
    is_ed25519 = decoded[: len(ED25519)] == ED25519 and len(public) == HASH_BYTES
    if not is_ed25519 or named != _key_id(name, public):
        raise InvalidInput("is no verifier key of Ed25519", field="key")
    return name, named, public


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_BYTES]
