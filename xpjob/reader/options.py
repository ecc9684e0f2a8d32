"""Options of the reader, and of those who ask it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from xpjob.config import parsers, secrets
from xpjob.config.option import Config, Group, Problem, option
from xpjob.net.options import NetOptions
from xpjob.reader.hosts import parse_host
from xpjob.snapshot.interval import IntervalOptions


class ReaderOptions(IntervalOptions, frozen=True, kw_only=True):
    """How the reader serves. Times are in seconds."""

    title = "The reader"

    # One line an option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    metrics_addr: tuple[str, int] | None = option("Address to serve at: host:port, or :port for all interfaces; by default :8080 in a pod, else 127.0.0.1:8080.", "", parsers.optional(parsers.address))
    reader_hosts: tuple[str, ...] = option("Host names to answer for beside localhost and addresses, comma-separated; *.example.org for all below.", "", parsers.each(parse_host))
    reader_answer_bytes: int = option("Memory for answers that are being sent, in bytes; further ones wait for it up to 5 s, and then get a 503. 0 means an eighth of the cgroup's memory limit, or 64 MiB without one.", "0", parsers.whole(0, 999_999_999))
    refresh_seconds: float = option("How often the store is asked for a newer snapshot.", "5", parsers.seconds(3600))
    reader_cert_file: Path | None = option("File with the certificate to serve https with; empty means http.", "", parsers.optional(parsers.pem_file))
    reader_key_file: Path | None = option("File with the key of that certificate.", "", parsers.optional(parsers.pem_file))
    # ruff: enable[E501]
    # fmt: on

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port to serve at. A pod's address is the cluster's to protect."""
        in_a_pod = "KUBERNETES_SERVICE_HOST" in os.environ
        return self.metrics_addr or ("" if in_a_pod else "127.0.0.1", 8080)

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield what https lacks, and whether tokens would come in the clear."""
        if bool(self.reader_cert_file) != bool(self.reader_key_file):
            text = "READER_CERT_FILE: goes with READER_KEY_FILE, set both"
            yield "reader_cert_file", text
        host, port = self.address
        exposed = config[AccessOptions].reader_token_file and not self.reader_cert_file
        allowed = config[NetOptions].allow_insecure_credentials or secrets.is_loopback(host)
        if exposed and not allowed:
            yield (
                "metrics_addr",
                f"READER_TOKEN_FILE: tokens would come to {host or '*'}:{port} over plain http; "
                "set READER_CERT_FILE and READER_KEY_FILE, or serve on 127.0.0.1 behind a proxy, "
                "or set ALLOW_INSECURE_CREDENTIALS=true where the network is trusted",
            )


class AccessOptions(Group, frozen=True, kw_only=True):
    """Who may read, and how a reader is asked."""

    title = "Access to the reader"

    # One line an option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    reader_token_file: Path | None = option("File with the bearer token that the reader asks for; empty means that everybody may read.", "", parsers.optional(parsers.token_file))
    reader_ca_file: Path | None = option("File with the certificates to trust for a reader; empty means the system's.", "", parsers.optional(parsers.pem_file))
    # ruff: enable[E501]
    # fmt: on
