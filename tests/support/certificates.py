"""Certificates made for one test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, and what it has issued for 127.0.0.1 and for a client."""

    authority: Path
    certificate: Path
    key: Path
    client: Path
    client_key: Path


def issue(directory: Path) -> Certificates:
    """Make an authority and issue the two."""
    ca = trustme.CA()
    names = ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")
    made = Certificates(*(directory / name for name in names))
    ca.cert_pem.write_to_path(str(made.authority))
    server, client = ca.issue_cert("127.0.0.1"), ca.issue_cert("xpjob@example.org")
    for issued, certificate, key in (
        (server, made.certificate, made.key),
        (client, made.client, made.client_key),
    ):
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
    return made
