"""GitLab's REST API, as the runner names it: asked with a project's own token, else with that of the job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

import msgspec

from mlci.adapters.gitlab.run import is_forks
from mlci.adapters.remote.http import Api
from mlci.adapters.remote.patience import Clock, Patience
from mlci.adapters.told import SET_BY_THE_RUNNER
from mlci.errors import ServiceRefused

# https://docs.gitlab.com/user/project/settings/project_access_tokens/
NEEDED = "set MLCI_TOKEN to a project access token with the role Developer and the scope api"
_OF_A_FORK = (
    "a fork may read no project that is not public: let a member of that project run the pipeline of the merge request "
    "there, which hands its variables to the fork's code"
)


class User(msgspec.Struct):
    """Who has said something."""

    id: int


@dataclass(frozen=True)
class Access:
    """What GitLab is asked with.

    Attributes:
        read: asks with MLCI_TOKEN; without it with the token of the job, which may read a few things and write none.
            Where GitLab has no use for that token it answers as it would anybody, who may read a public project.
        write: asks with MLCI_TOKEN; None without it.
        public: asks as anybody.
        is_forks: whether the job is one of a fork, which no token of the project reaches.
        graph: asks the GraphQL API with MLCI_TOKEN, below the address that it stands beside; None without it.
    """

    read: Api
    write: Api | None
    public: Api
    is_forks: bool = False
    graph: Api | None = None

    @cached_property
    def me(self) -> int | None:
        """Number of the user that MLCI_TOKEN writes as, asked for once; None without it."""
        return self.write.get("/user", shape=User).id if self.write is not None else None

    def writer(self, what: str) -> Api:
        """What writes.

        Raises:
            ServiceRefused: there is no token that may.
        """
        if self.write is None:
            raise ServiceRefused(f"GitLab lets the token of a job not {what}", help=NEEDED)
        return self.write

    @contextmanager
    def reading(self) -> Iterator[Api]:
        """What reads; where GitLab refuses the token of a job, the error says which token it takes."""
        try:
            yield self.read
        except ServiceRefused as error:
            if self.write is not None:
                raise
            help = _OF_A_FORK if self.is_forks else f"the token of a job may not read this: {NEEDED}"
            raise ServiceRefused(error.cause, help=help) from None


def connect(environ: Mapping[str, str], *, patience: Patience | None = None, clock: Clock | None = None) -> Access:
    """The API at CI_API_V4_URL, whose authority is that of the runner where it names one.

    Raises:
        EventUnreadable: the address or a token cannot be one.
    """
    write = writer(environ, patience=patience, clock=clock)
    read = write or reader(environ, patience=patience, clock=clock)
    graph = _graph(environ, patience, clock) if write is not None else None
    return Access(read, write, _api(environ, None, None, patience, clock), is_forks(environ), graph)


def reader(environ: Mapping[str, str], *, patience: Patience | None = None, clock: Clock | None = None) -> Api:
    """Asks with MLCI_TOKEN, else with CI_JOB_TOKEN, else as anybody.

    Raises:
        EventUnreadable: the address or the token cannot be one.
    """
    ours = writer(environ, patience=patience, clock=clock)
    return ours or _api(environ, environ.get("CI_JOB_TOKEN"), "JOB-TOKEN", patience, clock)


def writer(environ: Mapping[str, str], *, patience: Patience | None = None, clock: Clock | None = None) -> Api | None:
    """Asks with MLCI_TOKEN; None without it.

    Raises:
        EventUnreadable: the address or the token cannot be one.
    """
    token = environ.get("MLCI_TOKEN", "").strip()
    return _api(environ, token, "PRIVATE-TOKEN", patience, clock) if token else None


def _graph(environ: Mapping[str, str], patience: Patience | None, clock: Clock | None) -> Api:
    """The address above that of the REST API, where GraphQL is beside it."""
    above = {**environ, "CI_API_V4_URL": _url(environ).rstrip("/").removesuffix("/v4")}
    return _api(above, environ.get("MLCI_TOKEN", "").strip(), "PRIVATE-TOKEN", patience, clock)


def project(name: str | int, *segments: str | int) -> str:
    """Path of something in a project, by its number or its whole path, each segment quoted."""
    return "/".join(("/projects", *(quote(str(segment), safe="") for segment in (name, *segments))))


def _url(environ: Mapping[str, str]) -> str:
    return environ.get("CI_API_V4_URL") or "https://gitlab.com/api/v4"


def _api(
    environ: Mapping[str, str], token: str | None, header: str | None, patience: Patience | None, clock: Clock | None
) -> Api:
    return Api(
        _url(environ),
        token or None,
        header=header,
        authority=environ.get("CI_SERVER_TLS_CA_FILE") or None,
        named="CI_API_V4_URL",
        help=SET_BY_THE_RUNNER,
        patience=patience,
        clock=clock,
    )
