"""Options: where values come from, and what is said of bad ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec import defstruct

from xpjob.base.errors import SettingsError
from xpjob.collectors import COLLECTORS
from xpjob.collectors.crossplane.options import CrossplaneOptions
from xpjob.commands.groups import GROUPS, OPTIONS, chosen
from xpjob.config import parsers
from xpjob.config.option import Group, declared, load, option, options
from xpjob.kube.options import KubeOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal.options import OutputOptions


def test_nothing_needs_to_be_set() -> None:
    """The defaults are the documented ones."""
    config = load({}, {}, GROUPS)
    assert (
        config[KubeOptions].page_size,
        config[StoreOptions].store_backend,
        config[StoreOptions].s3_key_prefix,
    ) == (
        500,
        "memory",
        "xp-tracker",
    )
    assert config[CrossplaneOptions].composition_label_key == "crossplane.io/composition-name"
    assert config[CrossplaneOptions].discovery == "auto"


def test_the_option_wins_over_the_variable() -> None:
    """And an empty variable is as good as none."""
    environ = {"PAGE_SIZE": "100", "S3_KEY_PREFIX": "", "CONCURRENCY": " 8 "}
    config = load({"page_size": "50"}, environ, GROUPS)
    assert (
        config[KubeOptions].page_size,
        config[StoreOptions].s3_key_prefix,
        config[KubeOptions].concurrency,
    ) == (50, "xp-tracker", 8)


def test_all_mistakes_are_reported_at_once() -> None:
    """Each with where it stands, the value, and what is expected."""
    environ = {
        "CLAIM_GVRS": "pods",
        "PAGE_SIZE": "0",
        "STORE_BACKEND": "s3",
        "PUSHGATEWAY_URL": "gateway:9091",
        "TEAM_ANNOTATION_KEY": "my team",
        "S3_KEY_PREFIX": "../other",
        "KUBE_NAMESPACE_SCOPE": "team-a,Team_B",
        "CLUSTER_NAME": "..",
    }
    with pytest.raises(SettingsError) as caught:
        load({"concurrency": "many"}, environ, GROUPS)
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 9
    for where, text in (
        ("--concurrency", "'many'"),
        ("CLAIM_GVRS", "'pods'"),
        ("PAGE_SIZE", "'0'"),
        ("PUSHGATEWAY_URL", "'gateway:9091'"),
        ("TEAM_ANNOTATION_KEY", "'my team'"),
        ("S3_KEY_PREFIX", "'../other'"),
        ("KUBE_NAMESPACE_SCOPE", "'Team_B'"),
        ("CLUSTER_NAME", "'..'"),
    ):
        assert re.search(rf"^{where}: invalid [\w ]+ {re.escape(text)}: expected ", told, re.M), (
            where
        )
    assert "S3_BUCKET: is not set; STORE_BACKEND=s3 needs" in told


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hunter2@gateway:9091",
        "me:hunter2@gateway:9091",
        "http://me:hun/hunter2@gateway",
        "http://gateway?token=hunter2",
        "http://gateway/#hunter2",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    """They would show in logs."""
    with pytest.raises(SettingsError) as caught:
        load({}, {"PUSHGATEWAY_URL": url}, GROUPS)
    assert "must not carry credentials" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_option_can_take_a_variable_back() -> None:
    """The option wins, also when it is empty or no."""
    environ = {"KUBE_NAMESPACE_SCOPE": "team-a", "STRICT": "true"}
    config = load({"kube_namespace_scope": "", "strict": "False"}, environ, GROUPS)
    assert config[CrossplaneOptions].kube_namespace_scope == ()
    assert not config[OutputOptions].strict


def test_a_kind_is_a_claim_or_an_xr() -> None:
    """Naming it as both would count it twice."""
    with pytest.raises(SettingsError, match=r"XR_GVRS: a.b/v2/c"):
        load({"claim_gvrs": "a.b/v1/c", "xr_gvrs": "a.b/v2/c"}, {}, GROUPS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crossplane", ["crossplane"]),
        ("crossplane, crossplane", ["crossplane"]),
        ("capacity,crossplane", ["crossplane", "capacity"]),
        ("deployments,crossplane", ["crossplane", "deployments"]),
        ("all", [collector.name for collector in COLLECTORS]),
    ],
)
def test_collectors_are_named_or_all(text: str, expected: list[str]) -> None:
    """Those that exist, each once, in the order of the registry."""
    found = chosen(load({}, {"COLLECTORS": text}, GROUPS))
    assert [collector.name for collector in found] == expected


def test_an_unknown_collector_is_reported_with_the_other_mistakes() -> None:
    """And with those that exist."""
    for text in ("crossplane,nothing", ",", "No Name"):
        with pytest.raises(SettingsError) as caught:
            load({}, {"COLLECTORS": text, "PAGE_SIZE": "0"}, GROUPS)
        assert len(caught.value.problems) == 2
        (told,) = (each for each in caught.value.problems if each.startswith("COLLECTORS: "))
        assert "crossplane" in told


def test_a_group_that_was_not_loaded_has_its_defaults() -> None:
    """Whatever the environment says."""
    config = load({}, {"PAGE_SIZE": "7", "STORE_BACKEND": "s3"}, (KubeOptions,))
    assert config[KubeOptions].page_size == 7
    assert config[StoreOptions].store_backend == "memory"


def test_a_command_minds_only_its_own_options() -> None:
    """What only the store needs cannot stop a command without a store."""
    config = load({}, {"STORE_BACKEND": "s3"}, (KubeOptions, CrossplaneOptions))
    assert config[StoreOptions].store_backend == "memory"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("connect_timeout_seconds", "0"),
        ("connect_timeout_seconds", "nan"),
        ("connect_timeout_seconds", "inf"),
        ("push_timeout_seconds", "soon"),
        ("page_size", "1e3"),
        ("page_size", "٣"),
        ("strict", "perhaps"),
        ("discovery", "sometimes"),
        ("store_dir", ""),
        ("publish", "/tmp/x.prom"),
        ("publish", "textfile:/tmp/x.txt"),
        ("publish", "textfile:/no/such/directory/x.prom"),
        ("s3_endpoint", "ftp://files"),
        ("s3_endpoint", "http://[::1"),
        ("s3_endpoint", "http://ho st"),
        ("s3_bucket", "My Bucket!"),
        ("s3_region", "no where"),
        ("store_dir", "~nobody-of-that-name/x"),
        ("pushgateway_url", "http://gateway/?a=b"),
        ("pushgateway_job", "a/b"),
    ],
)
def test_bad_values_are_refused(name: str, text: str) -> None:
    """Also those that Python's own conversions let pass."""
    given = {name: text}
    if name == "store_dir" and not text:
        given["store_backend"] = "directory"
    with pytest.raises(SettingsError):
        load(given, {}, GROUPS)


def test_every_option_has_a_help_text_and_its_default_is_valid() -> None:
    """The declarations are complete."""
    for each in OPTIONS:
        assert each.help.endswith("."), each.name
        each.parse(each.default)


def test_a_kind_is_of_one_class_only() -> None:
    """In whichever two variables it is named."""
    gvr = "s3.aws.m.upbound.io/v1beta1/buckets"
    for first, second in (("claim_gvrs", "mr_gvrs"), ("xr_gvrs", "mr_gvrs")):
        with pytest.raises(SettingsError, match=f"MR_GVRS: {gvr} is in {first.upper()} too"):
            load({first: gvr, second: gvr}, {}, GROUPS)


def test_a_cluster_cannot_be_called_as_the_folder_of_dated_snapshots() -> None:
    """Else one could not be told from the other."""
    with pytest.raises(SettingsError, match="CLUSTER_NAME: 'history' is reserved"):
        load({"cluster_name": "history"}, {}, GROUPS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("team=annotation:example.org/x", "label team is reserved"),
        ("a=annotation:x,a=label:y", "duplicate label"),
        ("cost-center=annotation:x", "name=annotation:KEY"),
        ("a=field:x", "name=annotation:KEY"),
        ("a=label:not a key", "invalid key 'not a key'"),
    ],
)
def test_extra_labels_that_cannot_be(text: str, expected: str) -> None:
    """Each is refused with what it should be."""
    with pytest.raises(SettingsError, match=expected):
        load({}, {"EXTRA_LABELS": text}, GROUPS)


def test_extra_labels() -> None:
    """A name for metrics, and where it comes from."""
    text = "cost_center=annotation:example.org/cost-center, env=label:env"
    one, two = load({}, {"EXTRA_LABELS": text}, GROUPS)[CrossplaneOptions].extra_labels
    assert one == ("cost_center", "annotation", "example.org/cost-center")
    assert two.of({"env": "prod"}, {"env": "other"}) == "prod"
    assert one.of({}, {}) == ""


class Renamed(Group, frozen=True, kw_only=True):
    """An option that another exporter has under other names."""

    title = "Renamed"
    colours: tuple[str, ...] = option(
        "Colours.", "", parsers.split, aliases=("paint", "hue"), repeated=","
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"COLOURS": "red"}, ("red",)),
        ({"PAINT": "blue"}, ("blue",)),
        ({"HUE": "blue", "PAINT": "blue"}, ("blue",)),
        ({"COLOURS": " ", "HUE": "green"}, ("green",)),
        ({}, ()),
    ],
)
def test_an_option_is_found_under_its_aliases(
    environ: dict[str, str], expected: tuple[str, ...]
) -> None:
    """The option of the command line wins."""
    assert load({}, environ, (Renamed,))[Renamed].colours == expected
    assert load({"colours": "grey"}, environ, (Renamed,))[Renamed].colours == ("grey",)


def test_names_of_one_option_do_not_disagree() -> None:
    """Unless the command line decides."""
    environ = {"HUE": "green", "PAINT": "blue"}
    with pytest.raises(SettingsError, match="PAINT: HUE has another value; set only one of them"):
        load({}, environ, (Renamed,))
    assert load({"colours": "grey"}, environ, (Renamed,))[Renamed].colours == ("grey",)


def test_a_mistake_is_reported_under_the_name_that_was_used() -> None:
    """Not under another one of the option."""

    class Number(Group, frozen=True, kw_only=True):
        title = "Number"
        size: int = option("Size.", "1", parsers.whole(1, 9), aliases=("magnitude",))

    with pytest.raises(SettingsError, match="- MAGNITUDE: invalid number 'x'"):
        load({}, {"MAGNITUDE": "x"}, (Number,))


def test_no_name_of_an_option_belongs_to_another() -> None:
    """Aliases included."""
    variables = [name for each in OPTIONS for name in each.variables]
    flags = [name for each in OPTIONS for name in each.flags]
    assert len(set(variables)) == len(variables)
    assert len(set(flags)) == len(flags)


class OneOfTwo(Renamed, frozen=True, kw_only=True):
    """A group that inherits an option."""

    one: str = option("One.", "", str)


class TwoOfTwo(Renamed, frozen=True, kw_only=True):
    """Another one that inherits it."""

    two: str = option("Two.", "", str)


def test_groups_share_an_option_by_inheriting_it() -> None:
    """It is declared once, each group has its value, and a mistake in it is reported once."""
    found = [(group.__name__, each.name) for group, each in declared((OneOfTwo, TwoOfTwo))]
    assert found == [("OneOfTwo", "colours"), ("OneOfTwo", "one"), ("TwoOfTwo", "two")]
    config = load({"colours": "grey"}, {"TWO": "2"}, (OneOfTwo, TwoOfTwo))
    assert (config[OneOfTwo].colours, config[TwoOfTwo].colours) == (("grey",), ("grey",))
    with pytest.raises(SettingsError) as caught:
        load({}, {"HUE": "green", "PAINT": "blue"}, (OneOfTwo, TwoOfTwo))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(("name", "aliases"), [("colours", ()), ("paint", ()), ("other", ("hue",))])
def test_two_declarations_of_one_name_are_refused(name: str, aliases: tuple[str, ...]) -> None:
    """Whichever name they share: one of them would win."""
    declaration: Any = option("Otherwise.", "", parsers.split, aliases=aliases)
    other: Any = defstruct("Other", [(name, tuple, declaration)], bases=(Group,), frozen=True)
    with pytest.raises(ValueError, match=r"Other declares [A-Z]+ otherwise than Renamed"):
        declared((Renamed, other))


def test_collectors_agree_on_the_options_that_they_share() -> None:
    """NAMESPACE is one option of two collectors."""
    sharing = [group for group in GROUPS if "NAMESPACE" in {e.variable for e in options(group)}]
    assert len(sharing) > 1
    assert [each.variable for each in OPTIONS].count("NAMESPACE") == 1


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
@pytest.mark.parametrize("name", ["pushgateway_url", "s3_endpoint"])
def test_a_port_out_of_range_is_a_mistake(name: str, port: str) -> None:
    """Before anything is contacted."""
    with pytest.raises(SettingsError, match=f"invalid port '{port}'"):
        load({name: f"http://127.0.0.1:{port}"}, {}, GROUPS)
    load({name: "http://127.0.0.1:65535"}, {}, GROUPS)
