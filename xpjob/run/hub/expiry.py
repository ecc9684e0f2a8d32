"""When credentials expire: tokens that are JWTs, and client certificates."""

from __future__ import annotations

import base64
import binascii
import ssl
from datetime import datetime, timezone

import msgspec

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_YEAR_10000 = 253_402_300_800.0


class _Payload(msgspec.Struct):
    exp: float = 0.0


def of_token(token: str) -> float:
    """Return the Unix time at which a JWT expires; 0 if it does not, or is another token."""
    parts = token.split(".")
    if len(parts) != 3:
        return 0.0
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        expires = msgspec.json.decode(payload, type=_Payload).exp
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return 0.0
    return expires if 0 < expires < _YEAR_10000 else 0.0


def of_certificate(pem: str) -> float:
    """Return the Unix time at which the first certificate of a PEM text expires; 0 if unknown."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    start, stop = pem.find(begin), pem.find(end)
    if not 0 <= start < stop:
        return 0.0
    try:
        return _not_after(ssl.PEM_cert_to_DER_cert(pem[start : stop + len(end)]))
    except (binascii.Error, ValueError, IndexError):
        return 0.0


def _not_after(der: bytes) -> float:
    """Return notAfter of a certificate (RFC 5280, 4.1): Python's ssl decodes only those of peers.

    Raises ``ValueError`` or ``IndexError`` for what is no certificate.
    """
    tag, certificate, _ = _element(der)
    _, fields, _ = _element(certificate)
    if tag != _SEQUENCE:
        raise ValueError("not a certificate")
    tag, _, rest = _element(fields)
    for _ in range(3 if tag == _VERSION else 2):  # serial number, signature, issuer
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, after = _element(validity)
    tag, text, _ = _element(after)
    digits = text.decode("ascii")
    if tag == _UTC_TIME:
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    parsed = datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
    return parsed.timestamp()


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and content of the first DER element, and what follows it."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    content = der[start : start + length]
    if len(content) != length:
        raise ValueError("cut off")
    return tag, content, der[start + length :]
