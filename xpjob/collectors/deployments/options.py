"""Options of the deployments collector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xpjob.collectors.deployments.github import settings
from xpjob.collectors.deployments.inventory_options import InventoryOptions
from xpjob.config import parsers
from xpjob.config.option import Config, Problem, option
from xpjob.config.secrets import Secret
from xpjob.net.options import NetOptions
from xpjob.store.options import StoreOptions


class DeploymentOptions(InventoryOptions, frozen=True, kw_only=True):
    """What is recorded with GitHub, and how."""

    title = "Deployments"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    github_org: str = option("Organisation on GitHub that gets deployment records; empty disables them.", "", settings.organisation, aliases=("org",))
    base_url: str = option("URL of GitHub's REST API; https unless it says otherwise.", settings.API, str)
    dn_template: str = option("Name of a deployment record, from {{namespace}}, {{workloadKind}}, {{deploymentName}} and {{containerName}}.", "{{namespace}}/{{deploymentName}}/{{containerName}}", settings.template)
    logical_environment: str = option("Stage of the deployments in GitHub's records, e.g. production.", "", settings.environment)
    physical_environment: str = option("Region of the deployments in GitHub's records, e.g. eu-west-1.", "", settings.environment)
    github_cluster: str = option("Name of this cluster in GitHub's records; empty means CLUSTER_NAME.", "", str, variable="CLUSTER")
    api_token: Secret = option("Token for GitHub's API; a variable only, because other users can see command lines.", "", parsers.secret, secret=True)
    api_token_file: Path | None = option("File with a token for GitHub's API.", "", parsers.optional(parsers.token_file))
    gh_app_id: str = option("ID (or client ID) of the GitHub App to authenticate as, instead of a token.", "", settings.app_id)
    gh_install_id: str = option("ID of the installation of the GitHub App in the organisation.", "", settings.installation_id)
    gh_app_private_key: Secret = option("Private key of the GitHub App: PEM, or PEM in base64; a variable only, because other users can see command lines.", "", settings.private_key, secret=True)
    gh_app_priv_key_path: Path | None = option("File with the private key (PEM) of the GitHub App.", "", parsers.optional(parsers.pem_file), aliases=("gh_app_priv_key",))
    decommission_after_runs: int = option("Complete runs in a row from which a container must be absent before its record is decommissioned.", "2", parsers.whole(1, 1000))
    decommission_scaled_to_zero: bool = option("Treat a workload that is scaled to zero as gone.", "false", parsers.boolean, switch=True)
    github_attestations: bool = option("Ask GitHub which running images have no provenance attestation.", "false", parsers.boolean, switch=True)
    github_rate_percent: int = option("Share, in percent, of GitHub's hourly rate limits that one run may use.", "10", parsers.whole(1, 100))
    # ruff: enable[E501]
    # fmt: on

    @property
    def asks_for_attestations(self) -> bool:
        """Return whether GitHub is asked which digests have an attestation."""
        return bool(self.github_org) and self.github_attestations

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield what GitHub would refuse, and what is missing, if records are kept there."""
        yield from super().problems(config)
        if not self.github_org:
            return
        yield from self._addresses(config)
        yield from self._credentials()
        stores = [group for group in config.groups if isinstance(group, StoreOptions)]
        if not self.logical_environment:
            text = "LOGICAL_ENVIRONMENT: is not set; GITHUB_ORG needs it, e.g. production"
            yield "logical_environment", text
        for store in stores:  # not every command has a store
            if store.store_backend == "memory":
                text = "GITHUB_ORG: what GitHub has acknowledged is remembered in the store; set "
                yield "github_org", text + "STORE_BACKEND to s3 or directory"
            if not (self.github_cluster or store.cluster_name):
                text = "CLUSTER: is not set; GITHUB_ORG needs it, or CLUSTER_NAME"
                yield "github_cluster", text
        if problem := settings.cluster_problem(self.github_cluster):
            yield "github_cluster", f"CLUSTER: {problem}"

    def _addresses(self, config: Config) -> Iterator[Problem]:
        insecure = config[NetOptions].allow_insecure_credentials
        nets = any(isinstance(group, NetOptions) for group in config.groups)
        try:
            settings.api_url(self.base_url, allow_insecure=insecure or not nets)
        except ValueError as error:
            yield "base_url", f"BASE_URL: {error}"

    def _credentials(self) -> Iterator[Problem]:
        path, key = self.gh_app_priv_key_path, self.gh_app_private_key
        parts = (
            (bool(self.gh_app_id), "GH_APP_ID"),
            (bool(self.gh_install_id), "GH_INSTALL_ID"),
            (bool(path or key), "GH_APP_PRIV_KEY_PATH (or GH_APP_PRIVATE_KEY)"),
        )
        missing = [name for given, name in parts if not given]
        if 0 < len(missing) < len(parts):
            text = f"GH_APP_ID: the GitHub App also needs {' and '.join(missing)}; set all three"
            yield "gh_app_id", text
        if path and key:
            text = "GH_APP_PRIVATE_KEY: GH_APP_PRIV_KEY_PATH is also set; set only one of them"
            yield "gh_app_private_key", text
        if self.api_token and self.api_token_file:
            yield "api_token", "API_TOKEN: API_TOKEN_FILE is also set; set only one of them"
        if len(missing) == len(parts) and not (self.api_token or self.api_token_file):
            text = "GITHUB_ORG: needs credentials; set GH_APP_ID, GH_INSTALL_ID and "
            yield "github_org", text + "GH_APP_PRIV_KEY_PATH, or API_TOKEN_FILE or API_TOKEN"
        if not missing and not (path and key):
            name = "GH_APP_PRIV_KEY_PATH" if path else "GH_APP_PRIVATE_KEY"
            if problem := settings.key_problem(path or key):
                yield "gh_app_priv_key_path" if path else "gh_app_private_key", f"{name}: {problem}"
