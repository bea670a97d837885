"""Authorities and server certificates of a test's own, made with OpenSSL's program."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Authority:
    """Who signs: its certificate, which clients may trust, and its key."""

    certificate: Path
    key: Path


def authority(folder: Path, name: str) -> Authority:
    """A new authority that nobody trusts yet."""
    made = Authority(folder / f"{name}.crt", folder / f"{name}.key")
    _openssl("req", "-x509", *_key(made.key), "-out", made.certificate, "-days", "2", "-subj", f"/CN={name}")
    return made


def certificate(folder: Path, host: str, *, signed_by: Authority) -> tuple[Path, Path]:
    """A server's certificate for the name ``host``, and its key."""
    request, signed, key = (folder / f"{host}.{kind}" for kind in ("csr", "crt", "key"))
    _openssl("req", *_key(key), "-out", request, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}")
    names = folder / f"{host}.names"
    names.write_text(f"subjectAltName=DNS:{host}")
    authority = ("-CA", signed_by.certificate, "-CAkey", signed_by.key, "-CAcreateserial")
    _openssl("x509", "-req", "-in", request, "-out", signed, "-days", "2", *authority, "-extfile", names)
    return signed, key


def _key(path: Path) -> tuple[str | Path, ...]:
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path


def _openssl(*arguments: str | Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("OpenSSL's program is not installed")
    subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)
