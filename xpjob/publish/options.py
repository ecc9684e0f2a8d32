"""Options for publishing metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xpjob.config import parsers, secrets
from xpjob.config.option import Config, Group, Problem, option
from xpjob.config.secrets import Secret
from xpjob.metrics.table import MAX_SERIES
from xpjob.net.options import NetOptions


def _user(text: str) -> str:
    """Accept a user name that is valid for basic authentication."""
    if not text.isprintable() or ":" in text:
        raise parsers.invalid("user name", text, "printable characters without a colon")
    return text


def _textfile(text: str) -> Path:
    """Accept ``textfile:PATH`` if the directory of the path exists."""
    scheme, _, name = text.partition(":")
    if scheme != "textfile" or not name.endswith(".prom"):
        raise parsers.invalid("value", text, "textfile:PATH, where PATH ends in .prom")
    try:
        return parsers.file_in_folder(name)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


class PublishOptions(Group, frozen=True, kw_only=True):
    """Where metrics are published, and the series limit. Times are in seconds."""

    title = "The metrics"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    pushgateway_url: tuple[str, ...] = option("URL of the Pushgateway, or several, comma-separated; empty disables pushing.", "", parsers.each(parsers.url))
    pushgateway_job: str = option("Value of the job label of the inventory; the outcome of the run has the same value with -run appended.", "xpjob", parsers.grouping_value)
    pushgateway_username: str = option("User name for basic authentication at the Pushgateway.", "", _user)
    pushgateway_password: Secret = option("Password for basic authentication; a variable only, because other users can see command lines.", "", parsers.secret, secret=True)
    pushgateway_password_file: Path | None = option("File with the password for basic authentication.", "", parsers.optional(parsers.secret_file))
    pushgateway_token_file: Path | None = option("File with a bearer token for the Pushgateway.", "", parsers.optional(parsers.token_file))
    pushgateway_ca_file: Path | None = option("File with CA certificates (PEM) to verify the Pushgateway; empty means the system's.", "", parsers.optional(parsers.pem_file))
    pushgateway_cert_file: Path | None = option("File with a client certificate (PEM) for the Pushgateway.", "", parsers.optional(parsers.pem_file))
    pushgateway_key_file: Path | None = option("File with the private key (PEM) of the client certificate.", "", parsers.optional(parsers.pem_file))
    push_timeout_seconds: float = option("Timeout for one push, including the consistency check of the Pushgateway.", "30", parsers.seconds(3600))
    max_series: int = option("Maximum number of series per metric family; above it, the rarest values of the label with the most values are folded into __other__.", str(MAX_SERIES), parsers.whole(1, 10_000_000))
    publish: Path | None = option("textfile:PATH also writes the metrics to files, for node_exporter's textfile collector.", "", parsers.optional(_textfile))
    # ruff: enable[E501]
    # fmt: on

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield incomplete or contradictory credentials, and credentials over plain http."""
        if self.pushgateway_password and self.pushgateway_password_file:
            text = "PUSHGATEWAY_PASSWORD: PUSHGATEWAY_PASSWORD_FILE is also set; set only one"
            yield "pushgateway_password", text
        password = bool(self.pushgateway_password or self.pushgateway_password_file)
        if password != bool(self.pushgateway_username):
            yield (
                "pushgateway_username",
                "PUSHGATEWAY_USERNAME: needs PUSHGATEWAY_PASSWORD_FILE or PUSHGATEWAY_PASSWORD, "
                "and vice versa; set both",
            )
        if self.pushgateway_username and self.pushgateway_token_file:
            yield (
                "pushgateway_token_file",
                "PUSHGATEWAY_TOKEN_FILE: PUSHGATEWAY_USERNAME is also set; set only one of them",
            )
        if bool(self.pushgateway_cert_file) != bool(self.pushgateway_key_file):
            text = "PUSHGATEWAY_CERT_FILE: needs PUSHGATEWAY_KEY_FILE, and vice versa; set both"
            yield "pushgateway_cert_file", text
        if config[NetOptions].allow_insecure_credentials:
            return
        if self.pushgateway_username or self.pushgateway_token_file:
            for url in filter(secrets.in_the_clear, self.pushgateway_url):
                text = f"PUSHGATEWAY_URL: {url} is plain http, which would expose credentials; "
                yield "pushgateway_url", text + secrets.FORCE
