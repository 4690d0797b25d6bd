"""Client side of SCRAM (RFC 5802, RFC 7677) without channel binding."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
_salted: dict[tuple[str, str, bytes, int], bytes] = {}


class ScramError(Exception):
    """The server's side of the exchange is wrong."""


class ScramClient:
    """One exchange; `first`, then `final` with the server's challenge, then `verify` with its success."""

    def __init__(self, mechanism: str, user: str, password: str) -> None:
        self._hash = _HASHES[mechanism]
        self._password = password
        self._nonce = secrets.token_urlsafe(18)
        self._bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self._nonce}"
        self._signature = b""

    def first(self) -> str:
        return base64.b64encode(f"n,,{self._bare}".encode()).decode()

    def final(self, challenge: str) -> str:
        text = base64.b64decode(challenge).decode()
        fields = dict(part.split("=", 1) for part in text.split(","))
        if not fields.get("r", "").startswith(self._nonce) or fields["r"] == self._nonce:
            raise ScramError(f"nonce not extended: {text}")
        salted = self._salt(base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = self._hmac(salted, b"Client Key")
        without_proof = f"c=biws,r={fields['r']}"
        message = f"{self._bare},{text},{without_proof}".encode()
        signature = self._hmac(hashlib.new(self._hash, client_key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self._signature = self._hmac(self._hmac(salted, b"Server Key"), message)
        return base64.b64encode(f"{without_proof},p={base64.b64encode(proof).decode()}".encode()).decode()

    def verify(self, additional: str) -> None:
        text = base64.b64decode(additional).decode()
        if text != "v=" + base64.b64encode(self._signature).decode():
            raise ScramError("the server does not know the password either")

    def _hmac(self, key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, self._hash).digest()

    def _salt(self, salt: bytes, rounds: int) -> bytes:
        key = (self._hash, self._password, salt, rounds)
        if key not in _salted:
            _salted[key] = hashlib.pbkdf2_hmac(self._hash, self._password.encode(), salt, rounds)
        return _salted[key]
