"""The version of the API server, as ``/version`` has it."""

from __future__ import annotations

import re

from msgspec import Struct

from xpjob.base.errors import BadAnswerError
from xpjob.kube.api import Api
from xpjob.kube.decode import document
from xpjob.kube.mend import UNREADABLE

PATH = "/version"


class Version(Struct, rename="camel"):
    """Major and minor version; managed clusters write the minor one as ``36+``."""

    major: str = ""
    minor: str = ""
    git_version: str = ""

    @property
    def number(self) -> int | None:
        """Return the minor version of Kubernetes 1, None if it cannot be told."""
        match = re.match(r"[0-9]{1,4}", self.minor)
        return int(match[0]) if match and self.major == "1" else None


def server_version(api: Api) -> Version:
    """GET the version. Raises the errors of ``Api.get``, and ``BadAnswerError``."""
    body = api.get(PATH, {}, accept="application/json").body
    try:
        return document(body, Version)[0]
    except UNREADABLE as error:
        raise BadAnswerError(f"GET {PATH}: the answer is not a version ({error})") from error
