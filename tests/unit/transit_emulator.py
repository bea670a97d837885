"""A transit engine as HashiCorp Vault's HTTP API describes it, for tests: no more than wrapping and signing use of it.

Keys are AES-256-GCM with versions, derived by HKDF-SHA-256 from the context where they are made so; additional data is
authenticated; ciphertexts are ``vault:v<version>:<base64>``, and so are signatures of the Ed25519 key. Tokens are
checked, AppRoles log in, tokens can end, the server can be sealed. Answers and their status are the real server's, as
far as its documentation says.
"""

import base64
import binascii
import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """An answer with a status of its own."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors


class Transit:
    """What the engine holds."""

    def __init__(self, *, derived: bool = True) -> None:
        self.key: dict[str, Any] = {
            "derived": derived,
            "exportable": False,
            "allow_plaintext_backup": False,
            "convergent_encryption": False,
            "min_decryption_version": 1,
        }
        self.versions = [os.urandom(32)]
        self.signing: dict[str, Any] = {"type": "ed25519", "derived": False, "exportable": False}
        self.signing_versions = [Ed25519PrivateKey.generate()]
        self.tokens = {"root-token"}
        self.roles = {"role": "role-secret"}
        self.namespace: str | None = None
        self.sealed = False
        self.requests: list[str] = []
        self.answers: list[tuple[int, bytes]] = []

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(f"{method} {path}")
        if self.sealed:
            raise Refused(503, "Vault is sealed")
        if headers.get("X-Vault-Namespace") != self.namespace:
            raise Refused(403, "permission denied")
        if path == "/v1/auth/approle/login":
            return self._logged_in(body)
        if headers.get("X-Vault-Token") not in self.tokens:
            raise Refused(403, "permission denied")
        match method, path:
            case "POST", "/v1/transit/encrypt/vault-keys":
                return {"data": {"ciphertext": self._encrypted(body), "key_version": len(self.versions)}}
            case "POST", "/v1/transit/decrypt/vault-keys":
                return {"data": {"plaintext": self._decrypted(body)}}
            case "GET", "/v1/transit/keys/vault-keys":
                return {"data": dict(self.key)}
            case "GET", "/v1/transit/keys/notary":
                return {"data": self._described()}
            case "POST", "/v1/transit/sign/notary":
                return {"data": {"signature": self._signed(body), "key_version": int(body["key_version"])}}
        raise Refused(404)

    def _logged_in(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.roles.get(body.get("role_id", "")) != body.get("secret_id"):
            raise Refused(400, "invalid role or secret ID")
        token = f"hvs.{os.urandom(12).hex()}"
        self.tokens.add(token)
        return {"auth": {"client_token": token, "lease_duration": 3600, "renewable": True}}

    def _cipher(self, version: int, context: str | None) -> AESGCM:
        key = self.versions[version - 1]
        if not self.key["derived"]:
            return AESGCM(key)
        if not context:
            raise Refused(400, "missing 'context' for key derivation")
        return AESGCM(HKDF(SHA256(), 32, salt=None, info=_raw(context)).derive(key))

    def _encrypted(self, body: dict[str, Any]) -> str:
        version, nonce = len(self.versions), os.urandom(12)
        cipher = self._cipher(version, body.get("context"))
        made = nonce + cipher.encrypt(nonce, _raw(body["plaintext"]), _raw(body.get("associated_data", "")))
        return f"vault:v{version}:{base64.b64encode(made).decode()}"

    def _described(self) -> dict[str, Any]:
        publics = (base64.b64encode(key.public_key().public_bytes_raw()).decode() for key in self.signing_versions)
        keys = {str(version): {"name": "ed25519", "public_key": text} for version, text in enumerate(publics, start=1)}
        return {**self.signing, "keys": keys, "latest_version": len(keys)}

    def _signed(self, body: dict[str, Any]) -> str:
        version = int(body["key_version"])
        if not 1 <= version <= len(self.signing_versions):
            raise Refused(400, "cannot sign with that key version")
        raw = self.signing_versions[version - 1].sign(_raw(body["input"]))
        return f"vault:v{version}:{base64.b64encode(raw).decode()}"

    def _decrypted(self, body: dict[str, Any]) -> str:
        prefix, _, text = body["ciphertext"].removeprefix("vault:v").partition(":")
        if not prefix.isdecimal() or not 1 <= int(prefix) <= len(self.versions):
            raise Refused(400, "invalid ciphertext: no prefix")
        if int(prefix) < self.key["min_decryption_version"]:
            raise Refused(400, "ciphertext or signature version is disallowed by policy (too old)")
        raw = _raw(text)
        cipher = self._cipher(int(prefix), body.get("context"))
        try:
            plain = cipher.decrypt(raw[:12], raw[12:], _raw(body.get("associated_data", "")))
        except (InvalidTag, ValueError) as error:
            raise Refused(400, "cipher: message authentication failed") from error
        return base64.b64encode(plain).decode()


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Refused(400, "failed to base64-decode") from error


@contextmanager
def served(transit: Transit, *, certificate: Path | None = None) -> Iterator[str]:
    """The engine's address while it is served; over TLS where there is a file of certificate and key."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._do("GET")

        def do_POST(self) -> None:
            self._do("POST")

        def _do(self, method: str) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            try:
                status, answer = 200, json.dumps(transit.answer(method, self.path, self.headers, body)).encode()
            except Refused as refused:
                status, answer = refused.status, json.dumps({"errors": refused.errors}).encode()
            if transit.answers:
                status, answer = transit.answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
