"""Parsers of the options for GitHub: text to value, or ``ValueError`` with what is expected."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from urllib.parse import urlsplit

from xpjob.base import patience
from xpjob.config import parsers, secrets
from xpjob.config.secrets import Secret

API = "api.github.com"
PLACEHOLDERS = ("namespace", "workloadKind", "deploymentName", "containerName")
PLACEHOLDER = re.compile(r"\{\{(\w*)\}\}")
_EXTRA = "signing needs an optional part of xpjob; install xpjob[github]"
_IN_CLUSTER = ".svc.cluster.local"
_CLUSTER = re.compile(r"[a-zA-Z0-9._-]{1,128}")
_PEM = re.compile(
    r"-----BEGIN (RSA )?PRIVATE KEY-----.+-----END (RSA )?PRIVATE KEY-----", re.DOTALL
)

organisation = parsers.matching(
    "organisation", r"[a-zA-Z0-9_-]{1,100}", "letters, digits, dashes and underscores"
)
app_id = parsers.matching(
    "App ID", r"[1-9][0-9]{0,19}|Iv[A-Za-z0-9.]{1,60}", "a number, or a client ID such as Iv23abc"
)
installation_id = parsers.matching("installation ID", r"[1-9][0-9]{0,19}", "a number")


def template(text: str) -> str:
    """Accept a template with at least one placeholder, and none that does not exist."""
    names = PLACEHOLDER.findall(text)
    if not names or set(names) - set(PLACEHOLDERS):
        known = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        raise parsers.invalid("template", text, f"at least one of {known}, and no other")
    return text


def environment(text: str) -> str:
    """Accept the name of an environment."""
    if len(text) > 128 or not text.isprintable():
        raise parsers.invalid("environment", text, "at most 128 printable characters")
    return text


def private_key(text: str) -> Secret:
    """Accept a private key in PEM, or such a PEM in base64; errors do not repeat it."""
    if text and not text.startswith("-----BEGIN"):
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError("is neither PEM nor PEM in base64") from None
    if text and not _PEM.search(text):
        raise ValueError("has no private key in PEM; give the file that GitHub made for the App")
    return Secret(text)


def key_problem(key: Path | Secret) -> str:
    """Return why a key cannot sign, empty if it can; the message does not quote it.

    A file that does not answer is no mistake in the configuration: it is read again when needed.
    """
    try:
        import jwt
    except ImportError:
        return _EXTRA
    try:
        if isinstance(key, Path):
            pem = patience.within(patience.SECONDS, key.read_text)
        else:
            pem = key.reveal()
        jwt.encode({}, pem, algorithm="RS256")
    except TimeoutError:
        return ""
    except OSError as error:
        return f"{key} cannot be read: {error.strerror}"
    except NotImplementedError:  # PyJWT without cryptography
        return _EXTRA
    except (jwt.PyJWTError, ValueError, TypeError):  # TypeError: a password is wanted
        return "is not an RSA private key in PEM without a password, as GitHub makes for Apps"
    return ""


def cluster_problem(name: str) -> str:
    """Return why a name cannot be part of the path of GitHub's API, empty if it can."""
    if not name or _CLUSTER.fullmatch(name):
        return ""
    return (
        f"invalid cluster {name!r}: expected at most 128 letters, digits, dots, dashes and "
        "underscores, which is all that GitHub accepts; of an ARN take the last part"
    )


def api_url(text: str, *, allow_insecure: bool) -> str:
    """Return the URL of the API, https if there is no scheme. Raises ``ValueError``."""
    url = parsers.url(text if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", text) else f"https://{text}")
    host = urlsplit(url).hostname or ""
    local = secrets.is_loopback(host) or host.endswith(_IN_CLUSTER)
    if url.startswith("http:") and not local and not allow_insecure:
        raise ValueError(f"{url} is plain http, which would expose credentials; {secrets.FORCE}")
    return url
