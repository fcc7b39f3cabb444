"""The local certificate authority, and the certificate by which phones know this server.

Both are files in the folder of keys, each with its own private key, readable by their owner alone. The authority stays
for as long as its file does, for phones were told by hand to trust it; the certificate is renewed when this machine's
addresses change or its end comes near.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AUTHORITY: Final = "phone_authority.pem"
CERTIFICATE: Final = "phone_certificate.pem"
# iOS takes none that lives longer than 398 days. It begins a day early: a phone's clock may be slow.
LIFE: Final = timedelta(days=397)
EARLY: Final = timedelta(days=1)
RENEWED_BEFORE: Final = timedelta(days=30)


class BrokenKeys(Exception):
    """The authority's file cannot be read; the text says what to do, to people."""


class Authority:
    """The certificate authority in one folder; made there at the first start."""

    def __init__(self, folder: Path, name: str) -> None:
        """`name` is what a phone shows in its list. Raises `BrokenKeys`, and OSError where the folder is not ours."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / AUTHORITY
        if not self._path.exists():
            made = trustme.CA(path_length=0, organization_name="Holdfast", organization_unit_name=name)
            _write(self._path, made.private_key_pem.bytes() + made.cert_pem.bytes())
        self._authority = self._read()

    @property
    def certificate_der(self) -> bytes:
        """The authority's certificate, which is public, as phones install it."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as phones show it."""
        return self._certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def certificate_for(self, names: Sequence[str], now: datetime | None = None) -> Path:
        """The file with the server's key and certificate for these host names and addresses, renewed where needed."""
        path = self._folder / CERTIFICATE
        now = now or datetime.now(UTC)
        if not self._is_good(path, names, now):
            begins = now - EARLY
            issued = self._authority.issue_cert(
                *names,
                organization_name="Holdfast",
                organization_unit_name="This server",
                not_before=begins,
                not_after=begins + LIFE,
            )
            _write(path, issued.private_key_and_cert_chain_pem.bytes())
        return path

    @property
    def _certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())

    def _read(self) -> trustme.CA:
        pem = self._path.read_bytes()
        try:
            return trustme.CA.from_pem(pem, pem)
        except ValueError:
            raise BrokenKeys(
                f"{self._path} is damaged. Delete it to get a new certificate authority; phones must then trust that."
            ) from None

    def _is_good(self, path: Path, names: Sequence[str], now: datetime) -> bool:
        """Whether the certificate that is there is ours, for exactly these names, and good for some time yet."""
        try:
            there = x509.load_pem_x509_certificate(path.read_bytes())
            there.verify_directly_issued_by(self._certificate)
            named = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (FileNotFoundError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        is_timely = there.not_valid_before_utc <= now <= there.not_valid_after_utc - RENEWED_BEFORE
        return is_timely and {str(name.value) for name in named} == set(names)


def _write(path: Path, secret: bytes) -> None:
    """Write a key whole or not at all, readable by its owner alone from the first moment on."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
