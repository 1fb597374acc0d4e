"""The ledger of a project on GitLab, which its jobs fetch and push over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from mlci.adapters.git.call import Git
from mlci.adapters.git.fetching import Remote
from mlci.adapters.gitlab.api import NEEDED
from mlci.adapters.gitlab.run import here, is_forks
from mlci.adapters.ledger.layout import BRANCH
from mlci.adapters.ledger.pushed import PushedLedger
from mlci.adapters.remote.patience import Clock
from mlci.errors import UsageError

# git goes where it is told to by these, as the rest of the job does.
_PROXIES = (
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "GIT_SSL_CAINFO",
)
# No pipeline for a commit of the ledger, whatever the project's settings say of pushes.
_OPTIONS = ("ci.skip",)


def ledger(environ: Mapping[str, str], *, clock: Clock | None = None) -> PushedLedger:
    """The ledger of the project that this job is about, read with any token of the job's and written with MLCI_TOKEN.

    Raises:
        UsageError: there is no git.
        EventUnreadable: a variable that is used is missing or malformed.
    """
    git = Git.installed("/", environ)
    if git is None:
        raise UsageError(
            "decisions are kept in a branch of the project, and there is no git in this image to push with",
            help="take an image with git, as that of the component has",
        )
    place, own = here(environ), environ.get("MLCI_TOKEN", "").strip()
    user, token = ("mlci", own) if own else ("gitlab-ci-token", environ.get("CI_JOB_TOKEN"))
    remote = Remote(
        place.remote,
        "" if is_forks(environ) and not own else user,
        None if is_forks(environ) and not own else token,
        environ.get("CI_SERVER_TLS_CA_FILE") or None,
    )
    needed = f"{NEEDED}; where {BRANCH} is protected, with a role that may push to it"
    return PushedLedger(
        git.having(**{name: environ[name] for name in _PROXIES if name in environ}),
        remote,
        needed=needed,
        may_push=bool(own),
        options=_OPTIONS,
        clock=clock,
    )
