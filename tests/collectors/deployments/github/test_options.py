"""Options for GitHub: names of the tracker, and mistakes that are found before a run begins."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from xpjob.base.errors import SettingsError
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.config.option import Group, load
from xpjob.net.options import NetOptions
from xpjob.store.options import StoreOptions

GROUPS: tuple[type[Group], ...] = (DeploymentOptions, NetOptions, StoreOptions)
ENOUGH = {
    "GITHUB_ORG": "octo",
    "LOGICAL_ENVIRONMENT": "production",
    "CLUSTER": "moda-1",
    "API_TOKEN": "hunter2",
    "STORE_BACKEND": "directory",
    "STORE_DIR": "/var/lib/xpjob",
}


def mistakes(*groups: type[Group], **changes: str) -> str:
    """Return what is wrong with an environment, "" for nothing."""
    told = ""
    try:
        load({}, {**ENOUGH, **changes}, groups or GROUPS)
    except SettingsError as error:
        told = str(error)
    assert "hunter2" not in told
    return told


def test_what_there_must_be() -> None:
    """An organisation, credentials, an environment, a cluster and a store: all at once."""
    assert mistakes() == ""
    told = mistakes(API_TOKEN="", LOGICAL_ENVIRONMENT="", CLUSTER="", STORE_BACKEND="memory")
    for expected in (
        "GITHUB_ORG: needs credentials",
        "LOGICAL_ENVIRONMENT: is not set",
        "CLUSTER: is not set",
        "set STORE_BACKEND",
    ):
        assert expected in told
    assert mistakes(CLUSTER="", CLUSTER_NAME="moda-1") == ""
    assert mistakes(DeploymentOptions, CLUSTER="") == ""  # of a command without a store


def test_without_an_organisation_names_of_others_mean_nothing() -> None:
    """BASE_URL, CLUSTER and the like may be of another program."""
    others = {"BASE_URL": "ftp://x", "CLUSTER": "arn:aws:eks", "LOGICAL_ENVIRONMENT": ""}
    assert mistakes(GITHUB_ORG="", **others) == ""


def test_both_names_of_the_tracker_are_accepted(tmp_path: Path) -> None:
    """Those of its README and of its code; two that differ are a mistake."""
    config = load({}, {**ENOUGH, "GITHUB_ORG": "", "ORG": "acme"}, GROUPS)
    assert config[DeploymentOptions].github_org == "acme"
    config = load({}, {**ENOUGH, "ORG": "octo"}, GROUPS)
    assert config[DeploymentOptions].github_org == "octo"
    config = load({"github_org": "flag"}, {**ENOUGH, "ORG": "acme"}, GROUPS)
    assert config[DeploymentOptions].github_org == "flag"
    assert "GITHUB_ORG: ORG has another value" in mistakes(ORG="acme")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("api.github.com", ""),
        ("https://api.octo.ghe.com", ""),
        ("http://localhost:8080", ""),
        ("http://127.0.0.1", ""),
        ("http://proxy.tools.svc.cluster.local:8080", ""),
        ("http://localhost.example.org", "plain http"),
        ("http://127.0.0.1.example.org", "plain http"),
        ("http://svc.cluster.local.example.org", "plain http"),
        ("http://example.org/?x=.svc.cluster.local", "a query"),
        ("http://hunter2@localhost", "credentials"),
        ("HTTP://x", "invalid URL"),
        ("ftp://x", "invalid URL"),
        ("https:/x", "invalid URL"),
    ],
)
def test_a_base_url_that_only_looks_local_is_a_mistake(url: str, expected: str) -> None:
    """A token would go there in the clear."""
    told = mistakes(BASE_URL=url)
    assert expected in told
    assert bool(told) == bool(expected)
    if expected == "plain http":
        assert mistakes(BASE_URL=url, ALLOW_INSECURE_CREDENTIALS="true") == ""


@pytest.mark.parametrize(
    "cluster", ["arn:aws:eks:eu-west-1:1:cluster/a", "a b", "a@b", "a/b", "ü", "a" * 129]
)
def test_a_cluster_that_github_refuses_in_a_path_is_a_mistake(cluster: str) -> None:
    """Escaping does not help."""
    assert "CLUSTER: invalid cluster" in mistakes(CLUSTER=cluster)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GITHUB_ORG", "octo/web", "invalid organisation"),
        ("DN_TEMPLATE", "constant", "{{namespace}}"),
        ("DN_TEMPLATE", "{{namespace}}/{{pod}}", "{{workloadKind}}"),
        ("LOGICAL_ENVIRONMENT", "x" * 129, "at most 128"),
        ("PHYSICAL_ENVIRONMENT", "x" * 129, "at most 128"),
        ("GH_APP_ID", "app", "GH_APP_ID: invalid App ID"),
        ("GH_INSTALL_ID", "0", "GH_INSTALL_ID: invalid installation ID"),
        ("GH_APP_PRIVATE_KEY", "hunter2!", "neither PEM nor PEM in base64"),
        ("GH_APP_PRIVATE_KEY", "aHVudGVyMg==", "no private key in PEM"),
        ("DECOMMISSION_AFTER_RUNS", "0", "from 1 to 1000"),
        ("GITHUB_RATE_PERCENT", "101", "from 1 to 100"),
    ],
)
def test_invalid_values(name: str, value: str, expected: str) -> None:
    """Each says what is expected, and repeats no secret."""
    told = mistakes(**{name: value})
    assert f"{name}: " in told
    assert expected in told


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (("GH_APP_ID",), "GH_INSTALL_ID and GH_APP_PRIV_KEY_PATH"),
        (("GH_INSTALL_ID",), "GH_APP_ID and GH_APP_PRIV_KEY_PATH"),
        (("GH_APP_ID", "GH_INSTALL_ID"), "GH_APP_PRIV_KEY_PATH"),
        (("GH_APP_PRIV_KEY_PATH",), "GH_APP_ID and GH_INSTALL_ID"),
    ],
)
def test_a_half_set_app_is_a_mistake(given: tuple[str, ...], missing: str, tmp_path: Path) -> None:
    """Also beside a token: it would be used without being noticed."""
    file = tmp_path / "key.pem"
    file.write_text("key")
    every = {"GH_APP_ID": "1", "GH_INSTALL_ID": "2", "GH_APP_PRIV_KEY_PATH": str(file)}
    told = mistakes(**{name: every[name] for name in given})
    assert f"the GitHub App also needs {missing}" in told


def test_a_key_that_cannot_sign_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found before anything is contacted."""
    private = ec.generate_private_key(ec.SECP256R1())
    elliptic = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = tmp_path / "key.pem"
    app = {"GH_APP_ID": "1", "GH_INSTALL_ID": "2"}
    for content in (b"hunter2", elliptic):
        file.write_bytes(content)
        told = mistakes(**app, GH_APP_PRIV_KEY_PATH=str(file))
        assert "GH_APP_PRIV_KEY_PATH: is not an RSA private key in PEM" in told
    assert "not an RSA" in mistakes(**app, GH_APP_PRIVATE_KEY=elliptic.decode())
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "jwt", None)
        told = mistakes(**app, GH_APP_PRIV_KEY_PATH=str(file))
        assert "install xpjob[github]" in told
    both = mistakes(**app, GH_APP_PRIVATE_KEY=elliptic.decode(), GH_APP_PRIV_KEY_PATH=str(file))
    assert "GH_APP_PRIV_KEY_PATH is also set" in both


def test_two_tokens_are_a_mistake(tmp_path: Path) -> None:
    """Nobody could say which is used."""
    file = tmp_path / "token"
    file.write_text("hunter2")
    assert "API_TOKEN_FILE is also set" in mistakes(API_TOKEN_FILE=str(file))
