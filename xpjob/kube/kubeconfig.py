"""Load a kubeconfig, and insist on the credentials that it names.

The kubernetes package goes on without credentials where it cannot get them, e.g. because a
credential plugin failed. The API would refuse such a request as one of ``system:anonymous``, or
answer it with what everybody may see.

Imported only where it is needed, because importing the package takes half a second of CPU.
"""

from __future__ import annotations

import io
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.config import ConfigException
from kubernetes.config.dateutil import parse_rfc3339
from kubernetes.config.kube_config import (
    ENV_KUBECONFIG_PATH_SEPARATOR,
    EXPIRY_SKEW_PREVENTION_DELAY,
    KUBE_CONFIG_DEFAULT_LOCATION,
    FileOrData,
    KubeConfigLoader,
    KubeConfigMerger,
)

from xpjob.base.errors import SettingsError, XpjobError
from xpjob.kube.credentials import Configured, Header
from xpjob.kube.plugin import Plugin

_DEFAULT = "~/.kube/config"
"""The default of the kubernetes package, which takes an empty ``KUBECONFIG`` for a path."""
_MOST = 4 << 20
"""Bytes of a kubeconfig: one with thousands of clusters is smaller."""


class _Insisting(KubeConfigLoader):  # type: ignore[misc]
    """Raises where credentials are named and there are none."""

    plugin_seconds = 30.0

    def header(self) -> Header:
        """Return the header Authorization of what was loaded."""
        value, expiry = str(self.__dict__.get("token") or ""), self.__dict__.get("expiry")
        if expiry is None:
            return Header(value.strip())
        early = EXPIRY_SKEW_PREVENTION_DELAY.total_seconds()
        return Header(value.strip(), expiry.timestamp() - early)

    def load_again(self) -> Header:
        """Read the file of the token again, or run the plugin, and return what came of it.

        Raises ``XpjobError`` if there is no token any more.
        """
        try:
            self._load_authentication()
        except XpjobError:
            raise
        except Exception as error:  # noqa: BLE001 - what the package raises is of any kind
            # What the package raises may quote secrets; the system says what is with a file.
            why = str(error) if isinstance(error, OSError) else type(error).__name__
            raise XpjobError(
                f"the user's credentials in the kubeconfig cannot be loaded again: {why}"
            ) from None
        if not self._has_token():  # but a certificate, for which the connections are not made
            raise XpjobError(
                "the user's credentials in the kubeconfig have changed from a token to a "
                "certificate; the next run uses it"
            )
        return self.header()

    def _load_from_exec_plugin(self) -> bool | None:
        """Run the credential plugin within limits, otherwise as the package does."""
        if not self._from_plugin():
            return None
        folder = self._get_base_path(self._cluster.path)
        try:
            plugin = Plugin(self._user["exec"], folder, self._cluster)
            plugin.seconds = self.plugin_seconds
            status = plugin.run()
            if "token" in status:
                self.token = f"Bearer {status['token']}"
            elif "clientKeyData" in status:
                for name in ("cert", "key"):
                    data = "clientCertificateData" if name == "cert" else "clientKeyData"
                    file = FileOrData(
                        status, None, data, folder, False, temp_file_path=self._temp_file_path
                    )
                    setattr(self, f"{name}_file", file.as_file())
            else:
                return None
            if "expirationTimestamp" in status:
                self.expiry = parse_rfc3339(status["expirationTimestamp"])
        except XpjobError:
            raise
        except Exception:  # noqa: BLE001 - as the package does: what comes of it is looked at next
            return None
        return True

    def _load_authentication(self) -> None:
        # What is loaded again has expired, or was refused.
        for name in (
            "token",
            "expiry",
            *(("cert_file", "key_file") if self._from_plugin() else ()),
        ):
            self.__dict__.pop(name, None)
        super()._load_authentication()
        user = self._user.value if self._user else None
        if isinstance(user, dict) and not (self._has_token() or self._has_certificate(user)):
            _refuse(user, self._get_base_path(self._user.path))

    def _from_plugin(self) -> bool:
        return bool(self._user) and "exec" in self._user

    def _has_token(self) -> bool:
        return bool(str(self.__dict__.get("token") or "").removeprefix("Bearer ").strip())

    def _has_certificate(self, user: dict[str, Any]) -> bool:
        """Return whether there is a certificate: a plugin's, or one that is loaded later."""
        return bool(
            self.__dict__.get("cert_file")
            or user.get("client-certificate")
            or user.get("client-certificate-data")
        )


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The merged content of the files of a kubeconfig.

    ``folder`` is where relative paths start, None if each file has its own.
    """

    merged: KubeConfigMerger
    folder: str | None = None


def read_kubeconfig(path: str) -> Kubeconfig:
    """Read a kubeconfig: a path, several of them, or empty for the default one.

    Raises the kubernetes package's own errors, and ``SettingsError`` for a file that is too large.
    """
    path = path or KUBE_CONFIG_DEFAULT_LOCATION.strip() or _DEFAULT
    for part in path.split(ENV_KUBECONFIG_PATH_SEPARATOR):
        file = Path(part).expanduser()
        if not (part and file.exists()):
            continue
        status = file.stat()
        if status.st_size > _MOST:
            raise _too_large(file)
        if not stat.S_ISREG(status.st_mode):  # such as <(command): its size is not known
            with file.open("rb") as opened:
                text = opened.read(_MOST + 1)
            if len(text) > _MOST:
                raise _too_large(file)
            return Kubeconfig(KubeConfigMerger(io.StringIO(text.decode())), str(file.parent))
    return Kubeconfig(KubeConfigMerger(path))


def load_kubeconfig(
    kubeconfig: Kubeconfig, context: str, configuration: Any, plugin_seconds: float
) -> Configured:
    """Load a kubeconfig into a configuration of the kubernetes package; return the credentials.

    Raises that package's own errors, ``SettingsError`` for credentials that cannot be had as they
    are configured, and ``XpjobError`` for a credential plugin that failed.
    """
    merged = kubeconfig.merged
    if merged.config is None:
        raise ConfigException("Invalid kube-config file. No configuration found.")
    loader = _Insisting(
        config_dict=merged.config,
        config_base_path=kubeconfig.folder,
        active_context=context or None,
        config_persister=None if kubeconfig.folder else merged.save_changes,
    )
    loader.plugin_seconds = plugin_seconds
    loader.load_and_set(configuration)
    return Configured(configuration, loader.header(), loader.load_again)


def _too_large(path: Path) -> SettingsError:
    return SettingsError(
        [f"KUBECONFIG: {path} is too large for a kubeconfig: more than {_MOST >> 20} MiB"]
    )


def _refuse(user: dict[str, Any], directory: str) -> None:
    """Raise for the first credentials that are named; what is unknown is none."""
    nothing = "nothing is sent without credentials"
    if plugin := user.get("exec"):
        _refuse_plugin(plugin, directory, nothing)
    if provider := user.get("auth-provider"):
        name = provider.get("name", "") if isinstance(provider, dict) else ""
        raise SettingsError(
            [
                f"KUBECONFIG: the auth-provider {name} gave no token, and {nothing}; log in again, "
                "or use a credential plugin (exec)"
            ]
        )
    if "token" in user or "tokenFile" in user:
        raise SettingsError(
            [f"KUBECONFIG: the user's token is empty, and {nothing}; renew the token"]
        )
    if "username" in user or "password" in user:
        raise SettingsError(
            [f"KUBECONFIG: the user has a name or a password, not both, and {nothing}; set both"]
        )


def _refuse_plugin(plugin: Any, directory: str, nothing: str) -> None:
    command = str(plugin.get("command", "")) if isinstance(plugin, dict) else ""
    failed = f"the credential plugin {command or '(no command)'} of the kubeconfig"
    # As the package starts it: a name is looked for on the PATH, a path is of the kubeconfig's
    # folder.
    program = str(Path(directory) / command) if "/" in command else command
    if not command or shutil.which(program) is None:
        raise SettingsError(
            [
                f"KUBECONFIG: {failed} cannot be started, and {nothing}; install it where this "
                "runs, correct the path, or use another kind of credentials"
            ]
        )
    raise XpjobError(
        f"{failed} failed, or gave no credentials, and {nothing}; run it by hand to see why (its "
        "output is not shown, because it may contain secrets)"
    )
