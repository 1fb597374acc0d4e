"""GitHub's REST API, as the runner names it and with the token of the job."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from mlci.adapters.remote.http import Api
from mlci.adapters.remote.patience import Clock, Patience
from mlci.adapters.told import SET_BY_THE_RUNNER

# https://docs.github.com/rest/about-the-rest-api/api-versions
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_PUBLIC = "https://api.github.com"


def connect(environ: Mapping[str, str], *, patience: Patience | None = None, clock: Clock | None = None) -> Api:
    """The API at GITHUB_API_URL with the token in MLCI_TOKEN, else GITHUB_TOKEN; without one, as anybody.

    Raises:
        EventUnreadable: the address or the token cannot be one.
    """
    url = environ.get("GITHUB_API_URL") or _PUBLIC
    token = environ.get("MLCI_TOKEN") or environ.get("GITHUB_TOKEN") or None
    named, help = "GITHUB_API_URL", SET_BY_THE_RUNNER
    secret = token.strip() if token else None
    return Api(url, secret, headers=_HEADERS, named=named, help=help, patience=patience, clock=clock)


def at(repository: str, *segments: str | int) -> str:
    """Path of something in a repository, each segment quoted."""
    return "/".join(("/repos", *repository.split("/"), *(quote(str(segment), safe="") for segment in segments)))
