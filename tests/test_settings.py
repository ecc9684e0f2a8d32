"""Settings: where values come from, and what is said of bad ones."""

import pytest

from xpjob.base.errors import SettingsError
from xpjob.config import settings
from xpjob.config.settings import CLUSTER, OPTIONS, OUTPUT, PUBLISH, STORE, TARGETS

ALL = (CLUSTER, TARGETS, STORE, PUBLISH, OUTPUT)


def test_nothing_needs_to_be_set() -> None:
    """The defaults are the documented ones."""
    config = settings.load({}, {}, ALL)
    assert (config.page_size, config.store_backend, config.s3_key_prefix) == (
        500,
        "memory",
        "xp-tracker",
    )
    assert config.composition_label_key == "crossplane.io/composition-name"
    assert config.discovery == "auto"


def test_the_option_wins_over_the_variable() -> None:
    """And an empty variable is as good as none."""
    environ = {"PAGE_SIZE": "100", "S3_KEY_PREFIX": "", "CONCURRENCY": " 8 "}
    config = settings.load({"page_size": "50"}, environ, ALL)
    assert (config.page_size, config.s3_key_prefix, config.concurrency) == (50, "xp-tracker", 8)


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
        settings.load({"concurrency": "many"}, environ, ALL)
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 9
    for expected in (
        "--concurrency: 'many' is not a whole number from 1 to 64",
        "CLAIM_GVRS: 'pods' is not group/version/resource",
        "PAGE_SIZE: '0' is not a whole number from 1 to 10000",
        "S3_BUCKET: is not set; STORE_BACKEND=s3 needs",
        "PUSHGATEWAY_URL: 'gateway:9091' is no URL such as http://",
        "TEAM_ANNOTATION_KEY: 'my team' is no label or annotation key",
        "S3_KEY_PREFIX: '../other' is no key prefix",
        "KUBE_NAMESPACE_SCOPE: 'Team_B': no name of a namespace",
        "CLUSTER_NAME: '..' is not made of",
    ):
        assert expected in told


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
        settings.load({}, {"PUSHGATEWAY_URL": url}, ALL)
    assert "must not carry credentials" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_option_can_take_a_variable_back() -> None:
    """The option wins, also when it is empty or no."""
    environ = {"KUBE_NAMESPACE_SCOPE": "team-a", "STRICT": "true"}
    config = settings.load({"kube_namespace_scope": "", "strict": "False"}, environ, ALL)
    assert config.kube_namespace_scope == ()
    assert not config.strict


def test_a_kind_is_a_claim_or_an_xr() -> None:
    """Naming it as both would count it twice."""
    with pytest.raises(SettingsError, match="one or the other"):
        settings.load({"claim_gvrs": "a.b/v1/c", "xr_gvrs": "a.b/v2/c"}, {}, ALL)


def test_a_command_minds_only_its_own_options() -> None:
    """What only the store needs cannot stop a command without a store."""
    config = settings.load({}, {"STORE_BACKEND": "s3"}, (CLUSTER, TARGETS))
    assert config.store_backend == "memory"


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
        settings.load(given, {}, ALL)


def test_every_option_has_a_help_text_and_its_default_is_valid() -> None:
    """The table in settings.py is complete."""
    for option in OPTIONS:
        assert option.help.endswith("."), option.name
        option.parse(option.default)
    assert len({option.variable for option in OPTIONS}) == len(OPTIONS)
    assert len({option.flag for option in OPTIONS}) == len(OPTIONS)


def test_a_kind_is_of_one_class_only() -> None:
    """In whichever two variables it is named."""
    gvr = "s3.aws.m.upbound.io/v1beta1/buckets"
    for first, second in (("claim_gvrs", "mr_gvrs"), ("xr_gvrs", "mr_gvrs")):
        with pytest.raises(SettingsError, match=f"MR_GVRS: {gvr} is in {first.upper()} too"):
            settings.load({first: gvr, second: gvr}, {}, (TARGETS,))


def test_a_cluster_cannot_be_called_as_the_folder_of_dated_snapshots() -> None:
    """Else one could not be told from the other."""
    with pytest.raises(SettingsError, match="CLUSTER_NAME: 'history' is where"):
        settings.load({"cluster_name": "history"}, {}, ALL)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("team=annotation:example.org/x", "have a label team"),
        ("a=annotation:x,a=label:y", "named twice"),
        ("cost-center=annotation:x", "name=annotation:KEY"),
        ("a=field:x", "name=annotation:KEY"),
        ("a=label:not a key", "no label or annotation key"),
    ],
)
def test_extra_labels_that_cannot_be(text: str, expected: str) -> None:
    """Each is refused with what it should be."""
    with pytest.raises(SettingsError, match=expected):
        settings.load({}, {"EXTRA_LABELS": text}, (TARGETS,))


def test_extra_labels() -> None:
    """A name for metrics, and where it comes from."""
    text = "cost_center=annotation:example.org/cost-center, env=label:env"
    one, two = settings.load({}, {"EXTRA_LABELS": text}, (TARGETS,)).extra_labels
    assert one == ("cost_center", "annotation", "example.org/cost-center")
    assert two.of({"env": "prod"}, {"env": "other"}) == "prod"
    assert one.of({}, {}) == ""
