"""The models of botocore: read otherwise, and the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.session import Session

from xpjob.store import s3_models


def sessions() -> tuple[Session, Session]:
    """Return a session as botocore makes it, and one that loads models our way."""
    theirs, ours = Session(), Session()
    s3_models.use_in(ours)
    return theirs, ours


@pytest.mark.parametrize("service", ["s3", "sts", "sso", "sso-oidc", "signin"])
def test_models_are_those_of_botocore(service: str) -> None:
    """Those of S3, and of what gives credentials: with all that is added to them."""
    theirs, ours = (session.get_component("data_loader") for session in sessions())
    for kind in ("service-2", "endpoint-rule-set-1"):
        loaded = ours.load_service_model(service, kind)
        assert loaded == theirs.load_service_model(service, kind)
        assert list(loaded) == list(theirs.load_service_model(service, kind))


def test_other_data_is_that_of_botocore() -> None:
    """Endpoints, partitions and defaults."""
    theirs, ours = sessions()
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        assert ours.get_data(name) == theirs.get_data(name)


def test_models_are_also_read_where_they_are_configured_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``AWS_DATA_PATH`` comes first, as without us."""
    folder = tmp_path / "s3" / "2030-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text('{"metadata": {"apiVersion": "2030-01-01"}}')
    monkeypatch.setenv("AWS_DATA_PATH", f"{tmp_path}:{tmp_path / 'missing'}")
    for session in sessions():
        model = session.get_component("data_loader").load_service_model("s3", "service-2")
        assert model["metadata"]["apiVersion"] == "2030-01-01"


def test_a_service_that_does_not_exist_is_an_error() -> None:
    """The same one."""
    for session in sessions():
        with pytest.raises(UnknownServiceError):
            session.get_component("data_loader").load_service_model("s4", "service-2")


def test_a_folder_that_cannot_be_read_has_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one in the home of another user: botocore passes it over."""
    monkeypatch.setenv("AWS_DATA_PATH", f"/{'x' * 300}")  # an error for any user, also for root
    theirs, ours = (session.get_component("data_loader") for session in sessions())
    assert "s3" in ours.list_available_services("service-2")
    model = ours.load_service_model("s3", "service-2")
    assert model == theirs.load_service_model("s3", "service-2")
