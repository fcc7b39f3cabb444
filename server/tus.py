"""The words of tus 1.0 (resumable uploads): headers in, values out, and what is wrong with them. No I/O."""

from __future__ import annotations

import base64
import binascii
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from server.actions.upload_parts import Checksum
from server.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = "1.0.0"
EXTENSIONS: Final = ("creation", "checksum", "termination", "expiration")
MEDIA_TYPE: Final = "application/offset+octet-stream"
DIGESTS: Final[Mapping[str, int]] = {"sha1": 20, "sha256": 32}
"""Names of the checksums that are taken, as `hashlib` has them, and their lengths in bytes."""

LONGEST_METADATA: Final = 4_096
"""Characters of `Upload-Metadata` that are read."""


def check_version(headers: Mapping[str, str]) -> None:
    """Raises `Refused` `unsupported_version` unless the request is of the version spoken here."""
    if headers.get("tus-resumable") != VERSION:
        raise Refused("unsupported_version", headers={"tus-version": VERSION})


def length_of(headers: Mapping[str, str]) -> int:
    """`Upload-Length` in bytes; it cannot be told later."""
    return _whole_number(headers, "upload-length")


def offset_of(headers: Mapping[str, str]) -> int:
    """`Upload-Offset` in bytes."""
    return _whole_number(headers, "upload-offset")


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """`Upload-Metadata`: names and values, which are UTF-8 in base64; a name may stand alone and appears once."""
    text = headers.get("upload-metadata", "")
    if len(text) > LONGEST_METADATA:
        raise Refused("invalid_request", "`Upload-Metadata` is too long.")
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        name, _, encoded = pair.strip().partition(" ")
        if not name or not name.isascii() or name in found:
            raise Refused("invalid_request", "`Upload-Metadata` has an empty name, a strange one, or one twice.")
        found[name] = _text(encoded)
    return found


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """`Upload-Checksum`; None where the request has none."""
    text = headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in DIGESTS:
        raise Refused("invalid_request", f"Checksums are taken as {' or '.join(DIGESTS)}.")
    digest = _decoded(encoded)
    if len(digest) != DIGESTS[algorithm]:
        raise Refused("invalid_request", f"`Upload-Checksum` is no {algorithm}.")
    return Checksum(algorithm, digest)


def expires(at: int) -> dict[str, str]:
    """The header that says when (ms since 1970 UTC) an upload is given up if nothing more comes."""
    return {"upload-expires": formatdate(at / 1000, usegmt=True)}


def metadata(**values: str) -> dict[str, str]:
    """The header that tells what an upload is of, as it was created."""
    pairs = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())
    return {"upload-metadata": ",".join(pairs)}


def abilities(max_bytes: int) -> dict[str, str]:
    """What OPTIONS answers."""
    return {
        "tus-version": VERSION,
        "tus-extension": ",".join(EXTENSIONS),
        "tus-max-size": str(max_bytes),
        "tus-checksum-algorithm": ",".join(DIGESTS),
    }


def _whole_number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Refused("invalid_request", f"`{name.title()}` is not a number of bytes.")
    return int(text)


def _text(encoded: str) -> str:
    try:
        return _decoded(encoded).decode()
    except UnicodeDecodeError:
        raise Refused("invalid_request", "A value of `Upload-Metadata` is not UTF-8.") from None


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("invalid_request", "A header's value is not base64.") from None
