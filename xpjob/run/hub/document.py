"""The file that names the clusters of a hub."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from xpjob.base import patience
from xpjob.base.errors import SettingsError
from xpjob.config import parsers
from xpjob.config.located import Checker, Node
from xpjob.config.option import load, options
from xpjob.config.yaml_documents import MAX_BYTES, read_yaml
from xpjob.publish.options import PublishOptions
from xpjob.run.hub.labels import label_name
from xpjob.run.hub.members import NAMED, SHARED, Access, Groups, Member, environment, reaching
from xpjob.store.base import reserved_for

_KEYS = (
    *("name", "labels", "kubeconfig", "context"),
    *("server", "tokenFile", "caFile", "insecure", "collectors", "options"),
)
_OF_SERVER = ("tokenFile", "caFile", "insecure")


def read_names(path: Path) -> list[str]:
    """Return the names of the clusters in a file. Raises ``SettingsError`` with all mistakes."""
    return [member.name for member in _Reader(path, {}, ()).members()]


def read_members(path: Path, shared: Mapping[str, str], groups: Groups) -> list[Member]:
    """Return the clusters in a file. Raises ``SettingsError`` with all mistakes in it.

    ``shared`` is the environment of all runs, ``groups`` are the options that a run has. Files
    with credentials are not read: one that is missing costs that cluster, not the others.
    """
    return _Reader(path, shared, groups).members()


class _Reader:
    def __init__(self, path: Path, shared: Mapping[str, str], groups: Groups) -> None:
        self._path = path
        self._shared = shared
        self._groups = groups
        self._checker = Checker(str(path))
        self._places: dict[str, Node] = {}
        self._files: dict[Path, str] = {}

    def members(self) -> list[Member]:
        documents = read_yaml(_text(self._path), self._checker)
        for document in documents[1:]:
            self._checker.error(document, "a second document; put all clusters into the first")
        made: list[Member] = []
        if documents:
            root = self._checker.map(documents[0], ("clusters",), ("clusters",))
            made = [self._member(node) for node in self._checker.list(root.get("clusters"))]
        if not (made or self._checker.problems):
            raise SettingsError([f"CLUSTERS: {self._path} names no cluster; name at least one"])
        if self._checker.problems:
            raise SettingsError([f"CLUSTERS: {problem}" for problem in self._checker.problems])
        return made

    def _member(self, node: Node) -> Member:
        checker, known = self._checker, len(self._checker.problems)
        if node.is_null:
            checker.error(node, "expected a cluster, got nothing")
        entries = checker.map(node, _KEYS, ("name",))
        name = self._name(entries.get("name"))
        labels = self._labels(entries.get("labels"))
        access = self._access(node, entries)
        own = self._options(entries)
        member = Member(name, access, labels, own)
        if len(checker.problems) > known or not self._groups:
            return member
        return self._loaded(member, node, entries)

    def _name(self, node: Node | None) -> str:
        name = self._checker.string(node)
        if node is None or not node.is_text:
            return name
        try:
            if what := reserved_for(name):
                raise ValueError(f"{name!r} is reserved for {what}; choose another name")
            if not parsers.grouping_value(name):
                raise ValueError("the name is empty")
        except ValueError as error:
            self._checker.error(node, str(error))
            return name
        # Some file systems do not distinguish upper and lower case.
        first = self._places.setdefault(name.casefold(), node)
        if first is not node:
            text = f"{name!r} is also the name of the cluster in line {first.line}"
            self._checker.error(node, f"{text}; give each its own")
        return name

    def _labels(self, node: Node | None) -> dict[str, str]:
        labels: dict[str, str] = {}
        exposed: dict[str, str] = {}
        for key, value in self._checker.map(node).items():
            other = exposed.setdefault(label_name(key), key)
            if other != key:
                text = f"{key!r} and {other!r} are one label in metrics ({label_name(key)})"
                self._checker.error(value, f"{text}; rename one")
            labels[key] = self._checker.string(value)
        return labels

    def _access(self, node: Node, entries: Mapping[str, Node]) -> Access:
        checker = self._checker
        kubeconfig = self._file(entries.get("kubeconfig"))
        context = self._named(entries.get("context"), "context")
        insecure = checker.boolean(entries.get("insecure"), default=False)
        server = self._server(entries.get("server"))
        token, ca = self._file(entries.get("tokenFile")), self._file(entries.get("caFile"))
        if "server" not in entries:
            for key in (key for key in _OF_SERVER if key in entries):
                checker.error(entries[key], f"{key} needs server")
            if node.is_map and "kubeconfig" not in entries and "context" not in entries:
                checker.error(
                    node, "no way to reach it; set kubeconfig, context or both, or set server"
                )
            return Access(kubeconfig or self._shared.get("KUBECONFIG", ""), context)
        place = entries["server"]
        for key in (key for key in ("kubeconfig", "context") if key in entries):
            checker.error(entries[key], f"server is also set; set either server or {key}")
        if not token and "tokenFile" not in entries:
            checker.error(place, "server needs tokenFile, a file with a bearer token")
        if ca and insecure:
            checker.error(entries["insecure"], "caFile is also set; set only one of them")
        if server.startswith("https:") and not (insecure or "caFile" in entries):
            checker.error(
                place,
                "server needs caFile, a file with the CA certificates to verify it with; or set "
                "insecure: true to send the token to an unverified server",
            )
        return Access("", "", server, token, ca, insecure)

    def _named(self, node: Node | None, key: str) -> str:
        """Return a text that must not be empty: that would mean the hub's own cluster."""
        text = self._checker.string(node)
        if node is not None and node.is_text and not text.strip():
            self._checker.error(node, f"the {key} is empty")
        return text

    def _server(self, node: Node | None) -> str:
        text = self._named(node, "server")
        if node is None or not text:
            return ""
        try:
            server = parsers.url(text)
        except ValueError as error:
            self._checker.error(node, str(error))
            return ""
        return server

    def _file(self, node: Node | None) -> str:
        """Return a path; relative ones start at the folder of the file."""
        text = self._checker.string(node)
        if node is None or not node.is_text:
            return ""
        if not text:
            self._checker.error(node, "the path is empty")
            return ""
        try:
            # Absolute: a kubeconfig in memory has no folder at which relative ones could start.
            return str((self._path.parent / parsers.path(text)).absolute())
        except ValueError as error:
            self._checker.error(node, str(error))
            return ""

    def _options(self, entries: Mapping[str, Node]) -> dict[str, str]:
        checker = self._checker
        declared = {each.variable: each for group in self._groups for each in options(group)}
        own: dict[str, str] = {}
        for name, node in self._given(entries.get("options")).items():
            if name in NAMED:
                checker.error(node, f"{name} is set by the key {NAMED[name]} of the cluster")
            elif name in SHARED:
                checker.error(node, f"{name} is the same for all clusters; set it for the hub")
            elif declared and name not in declared:
                close = difflib.get_close_matches(name, declared, n=1)
                meant = f"did you mean {close[0]!r}?" if close else "see xpjob run --help"
                checker.error(node, f"unknown option {name!r}; {meant}")
            elif declared and declared[name].secret:
                text = f"{name} is a secret, which must not be in this file"
                checker.error(node, f"{text}; set {name}_FILE to a file that contains it")
            else:
                own[name] = checker.text(node)
        if collectors := entries.get("collectors"):
            own["COLLECTORS"] = ",".join(map(checker.string, checker.list(collectors)))
            if not own["COLLECTORS"] and collectors.is_list:
                checker.error(collectors, "no collector given; leave it out for the default")
        return own

    def _given(self, node: Node | None) -> dict[str, Node]:
        """Return the options; an empty value unsets what the hub sets for all."""
        return dict(node.entries()) if node and self._checker.map(node) else {}

    def _loaded(self, member: Member, node: Node, entries: Mapping[str, Node]) -> Member:
        """Return a cluster with the configuration of its run; note every mistake in it."""
        places = dict(entries["options"].entries()) if "options" in entries else {}
        try:
            config = load({}, environment(self._shared, member, self._groups), self._groups)
        except SettingsError as error:
            for problem in error.problems:
                name = problem.partition(":")[0]
                place = entries.get(NAMED.get(name, "")) or places.get(name) or node
                self._checker.error(place, problem)
            return member
        if file := config[PublishOptions].publish:
            first = self._files.setdefault(file, member.name)
            if first != member.name:
                place = places.get("PUBLISH", node)
                text = f"PUBLISH: the cluster {first!r} writes the same file, {file}"
                self._checker.error(place, f"{text}; set another one in the options of each")
        access = member.access
        config = reaching(config, access.kubeconfig, access.context)
        return Member(member.name, access, member.labels, member.options, config)


def _text(path: Path) -> str:
    """Return the content of the file. Raises ``SettingsError`` if it cannot be read."""

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    try:
        return patience.within(patience.SECONDS, read).decode()
    except TimeoutError:
        problem = f"no answer within {patience.SECONDS:g} s; check whether the file system hangs"
    except OSError as error:
        problem = f"{error.strerror}; correct the path"
    except UnicodeDecodeError:
        problem = "it is not text (UTF-8)"
    raise SettingsError([f"CLUSTERS: {path} cannot be read: {problem}"])
