"""Parts of the hub that need no cluster: names, expiry, exit codes, lines."""

from __future__ import annotations

import base64
import io
import json
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from support.hub import jwt
from xpjob.base.errors import SettingsError
from xpjob.config.option import Config, load
from xpjob.config.secrets import Secret
from xpjob.kube.identity import Identity
from xpjob.run.hub import expiry, names
from xpjob.run.hub.handed import handed
from xpjob.run.hub.lines import Printer
from xpjob.run.hub.members import Access, Member, share_of
from xpjob.run.hub.metrics import families
from xpjob.run.hub.names import Known, Names, recall
from xpjob.run.hub.options import HubOptions
from xpjob.run.hub.outcome import Outcome, exit_code
from xpjob.run.identity import SharedNameError
from xpjob.store.base import Store
from xpjob.store.directory import DirectoryStore
from xpjob.store.options import StoreOptions


@pytest.mark.parametrize(
    ("token", "at"),
    [
        (jwt(exp=1_900_000_000), 1_900_000_000),
        (jwt(exp=1_900_000_000.5, iss="kubernetes"), 1_900_000_000.5),
        (jwt(iss="kubernetes"), 0),
        (jwt(exp="soon"), 0),
        (jwt(exp=-1), 0),
        (jwt(exp=1e300), 0),
        ("opaque", 0),
        ("a.b.c", 0),
        ("", 0),
    ],
)
def test_a_token_expires_as_its_payload_says(token: str, at: float) -> None:
    """What is no JWT, or has no time, does not."""
    assert expiry.of_token(token) == at


@pytest.mark.parametrize("year", [2049, 2050])
def test_a_certificate_expires_as_its_validity_says(year: int) -> None:
    """In both forms of a time that X.509 has, also with other certificates behind it."""
    at = datetime(year, 6, 1, 12, 30, 15, tzinfo=timezone.utc)
    authority = trustme.CA()
    issued = authority.issue_cert("client.example.org", not_after=at)
    chain = "".join(blob.bytes().decode() for blob in issued.cert_chain_pems)
    assert expiry.of_certificate("before\n" + chain) == at.timestamp()


@given(st.binary(max_size=200))
def test_what_is_no_certificate_has_no_expiry(content: bytes) -> None:
    """Nothing is raised."""
    body = base64.encodebytes(content).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
    assert expiry.of_certificate(pem) == 0
    assert expiry.of_certificate(content.decode("latin-1")) == 0


ONE, OTHER = Identity("one", "https://a"), Identity("two", "https://b")


@pytest.mark.parametrize(
    ("known", "name", "own", "replaces", "error"),
    [
        ({}, "a", ONE, "", ""),
        ({"a": ONE}, "a", ONE, "", ""),
        ({"a": ONE}, "a", Identity("one", "https://moved"), "", ""),
        ({"a": ONE}, "a", Identity("", "https://a"), "", ""),
        ({"a": ONE}, "a", OTHER, "", "the name 'a' belongs to the cluster one"),
        ({"a": ONE}, "a", OTHER, "one", ""),
        ({"a": ONE}, "a", OTHER, "three", "the name 'a' belongs to the cluster one"),
        ({"b": ONE}, "a", ONE, "", "the cluster one has the name 'b', and 'a' leads to it too"),
        ({"b": Identity("", "https://a")}, "a", Identity("", "https://a"), "", "has the name 'b'"),
        ({"b": Identity()}, "a", Identity(), "", ""),
        ({"a": ONE, "b": ONE}, "a", ONE, "", ""),
        ({"a": ONE, "b": ONE}, "b", ONE, "", "has the name 'a', and 'b' leads to it"),
    ],
)
def test_a_cluster_has_one_name_and_a_name_one_cluster(
    known: dict[str, Identity], name: str, own: Identity, replaces: str, error: str
) -> None:
    """Compared by uid, and by address where there is none."""
    names = Names({key: Known(identity) for key, identity in known.items()}, {name: replaces})
    if not error:
        names.check(name, own)
        return
    with pytest.raises(SharedNameError, match=error):
        names.check(name, own)


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("replaces", [("one", "two"), ("https://a", "https://b")])
def test_two_swapped_names_are_repaired(order: tuple[str, str], replaces: tuple[str, str]) -> None:
    """CLUSTER_REPLACES of both says so, in any order, and they stay when it is left in place."""
    own = {"a": OTHER, "b": ONE}
    given = dict(zip("ab", replaces, strict=True))
    for known in ({"a": Known(ONE), "b": Known(OTHER)}, {"a": Known(OTHER), "b": Known(ONE)}):
        names = Names(known, given)
        for name in order:
            names.check(name, own[name])


@pytest.mark.parametrize("order", [("east", "old"), ("old", "east")])
def test_a_cluster_that_was_replaced_gets_a_name_of_its_own(order: tuple[str, str]) -> None:
    """Beside the one that replaces it under the name that it had."""
    names = Names({"east": Known(ONE), "old": Known(complete=True)}, {"east": "one"})
    for name in order:
        names.check(name, {"east": OTHER, "old": ONE}[name])


def test_a_name_that_was_given_up_and_still_leads_there_is_a_second_one() -> None:
    """The first that asks has the cluster; the error says what to do for both cases."""
    names = Names({"east": Known(ONE)}, {"east": "one"})
    names.check("east", ONE)
    with pytest.raises(SharedNameError, match="set CLUSTER_REPLACES=one in its options"):
        names.check("other", ONE)


def test_the_first_to_ask_has_a_cluster_that_is_new() -> None:
    """And keeps it when it asks again."""
    names = Names({})
    names.check("a", ONE)
    with pytest.raises(SharedNameError):
        names.check("b", ONE)
    names.check("a", ONE)


@pytest.mark.parametrize(
    ("codes", "strict", "code"),
    [
        ([], False, 0),
        ([0, 0], True, 0),
        ([0, 3], True, 3),
        ([0, 1], False, 0),
        ([0, 4], True, 3),
        ([3, 2], False, 0),
        ([1, 1], False, 1),
        ([1, 2], True, 1),
        ([4, 2, 1], False, 1),
        ([4, 2], False, 4),
        ([2, 2], True, 2),
    ],
)
def test_the_exit_code_is_that_of_all(codes: list[int], strict: bool, code: int) -> None:
    """Partial if some published; if none did, final only if all are."""
    outcomes = [Outcome(str(number), each) for number, each in enumerate(codes)]
    assert exit_code(outcomes, strict=strict) == code


@given(st.integers(0, 30), st.integers(1, 8))
def test_every_cluster_has_one_index(clusters: int, count: int) -> None:
    """And no index has more than one cluster more than another."""
    members = [Member(str(number)) for number in range(clusters)]
    shares = [
        share_of(members, HubOptions(cluster_index=index, cluster_count=count))
        for index in range(count)
    ]
    assert sorted(int(member.name) for share in shares for member in share) == list(range(clusters))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_an_index_without_a_count_is_that_of_a_cluster() -> None:
    """Without an index, all clusters are run; one beyond the last is a mistake."""
    members = [Member("a"), Member("b"), Member("c")]
    assert share_of(members, HubOptions(cluster_index=1)) == [members[1]]
    assert share_of(members, HubOptions()) == members
    with pytest.raises(SettingsError, match="CLUSTER_INDEX: 3 is not below the number of clusters"):
        share_of(members, HubOptions(cluster_index=3))


def test_a_count_without_an_index_is_a_mistake_of_a_run() -> None:
    """Not of the doctor, which examines all clusters."""
    with pytest.raises(SettingsError, match="CLUSTER_COUNT: CLUSTER_INDEX is not set"):
        share_of([Member("a")], HubOptions(cluster_count=2))
    load({"clusters": "clusters.yaml", "cluster_count": "2"}, {}, (HubOptions,))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"clusters_insecure": "a"}, "CLUSTERS_INSECURE: CLUSTERS is also set"),
        ({"clusters_namespace": "a"}, "CLUSTERS_NAMESPACE: CLUSTERS is also set"),
        ({"cluster_index": "2", "cluster_count": "2"}, "CLUSTER_INDEX: 2 is not below"),
    ],
)
def test_options_that_a_file_of_clusters_would_ignore_are_mistakes(
    given: dict[str, str], problem: str
) -> None:
    """Each is named, with what to do."""
    with pytest.raises(SettingsError, match=problem):
        load({"clusters": "clusters.yaml", **given}, {}, (HubOptions,))


@given(st.binary(max_size=80))
def test_every_line_is_an_event_with_its_cluster(line: bytes) -> None:
    """Whatever a process prints, and without what a terminal would obey."""
    said: list[str] = []
    Printer(lambda _: None, said.append, text=False).log("east", line)
    for shown in said:
        assert json.loads(shown)["cluster"] == "east"
        assert shown.isprintable() or all(c.isprintable() or ord(c) > 127 for c in shown)


def test_events_keep_what_they_say() -> None:
    """The cluster is added; characters that a terminal would obey stay escaped."""
    said: list[str] = []
    printer = Printer(lambda _: None, said.append, text=False)
    printer.log("east", b'{"level": "INFO", "message": "a\\u202eb"}\n')
    assert said == ['{"level": "INFO", "message": "a\\u202eb", "cluster": "east"}']


def test_results_of_two_runs_are_not_mixed() -> None:
    """Each is a block under its name, and what has printed nothing has none."""
    pieces: list[bytes] = []
    printer = Printer(pieces.append, lambda _: None, text=True)
    printer.results("east", io.BytesIO(b"x 1\n" * 40_000))
    printer.results("west", io.BytesIO(b""))
    assert b"".join(pieces) == b"# cluster: east\n" + b"x 1\n" * 40_000


def test_a_cluster_that_was_not_asked_is_not_up() -> None:
    """It has no latency either."""
    found = {family.name: family for family in families(Member("a"), Outcome("a", 2), Known())}
    assert found["xpjob_cluster_up"].samples[0].value == 0
    assert "xpjob_cluster_api_latency_seconds" not in found


def test_labels_that_become_one_name_are_all_kept() -> None:
    """Each with a number, in the order of their keys, and no name is another label's."""
    labels = {"a-b": "1", "a.b": "2", "c": "3", "a_b_conflict1": "4"}
    found = families(Member("a", labels=labels), Outcome("a", 0), Known())
    (sample,) = next(f for f in found if f.name == "xpjob_cluster_labels").samples
    assert sample.labels == {
        "label_a_b_conflict2": "1",
        "label_a_b_conflict3": "2",
        "label_a_b_conflict1": "4",
        "label_c": "3",
    }


@pytest.mark.parametrize("key", ["tokenFile", "caFile"])
@pytest.mark.parametrize("content", [None, b""])
def test_a_missing_credential_is_named(key: str, content: bytes | None, tmp_path: Path) -> None:
    """With its key and its path, before anything is made of it."""
    (tmp_path / "present").write_text("x")
    bad = tmp_path / "bad"
    if content is not None:
        bad.write_bytes(content)
    files = {"tokenFile": tmp_path / "present", "caFile": tmp_path / "present", key: bad}
    access = Access("", "", "https://a", str(files["tokenFile"]), str(files["caFile"]))
    said = rf"CLUSTERS: {key} {bad} (cannot be read|is empty)"
    with pytest.raises(SettingsError, match=said), handed(access):
        pass


def test_how_a_cluster_is_reached_does_not_show_its_token() -> None:
    """Neither in a traceback nor in a log."""
    member = Member("a", Access(server="https://a", token=Secret("hunter2"), ca=Secret("pem")))
    assert "hunter2" not in repr(member)


def test_a_store_that_cannot_be_opened_yet_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the others have is known; each store is opened once, for however many clusters."""
    other = threading.Event()
    opened: list[str] = []

    def open_store(config: Config) -> Store:
        path = config[StoreOptions].store_dir
        assert path
        opened.append(path.name)
        if path.name == "slow":
            assert other.wait(30)
        else:
            other.set()
        return DirectoryStore(path)

    monkeypatch.setattr(names, "open_store", open_store)
    members = [
        Member(
            f"{name}-{number}",
            config=Config.of(StoreOptions(store_backend="directory", store_dir=tmp_path / name)),
        )
        for name in ("slow", "quick")
        for number in range(2)
    ]
    assert recall(members) == {member.name: Known(complete=True) for member in members}
    assert sorted(opened) == ["quick", "slow"]
