"""What two commits differ in, where the checkout may lack one of them: the rest is fetched beside it."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlci.adapters.git.call import Git
from mlci.adapters.told import matching_commit
from mlci.domain.run import ChangedFiles

# Nothing but the one protocol that the remote is spoken to by; the rest stays forbidden.
_ALLOWED = ("protocol.https.allow=always", "protocol.http.allow=always")
_LONG = 300.0


@dataclass(frozen=True)
class Remote:
    """Where a checkout came from.

    Attributes:
        url: http or https, without a credential.
        user: whose password the token is.
        token: None to ask as anybody.
        authority: file of the authority that vouches for the host; None for those that the system trusts.
    """

    url: str
    user: str = ""
    token: str | None = field(default=None, repr=False)
    authority: str | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Settings of git that let it in, as variables: in an argument or an address anybody could read them."""
        values = {}
        if self.token:
            word = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
            values[f"http.{self.url}.extraHeader"] = f"Authorization: Basic {word}"
        if self.authority:
            values[f"http.{self.url}.sslCAInfo"] = self.authority
        pairs = [(f"GIT_CONFIG_KEY_{place}", name) for place, name in enumerate(values)]
        pairs += [(f"GIT_CONFIG_VALUE_{place}", value) for place, value in enumerate(values.values())]
        return {"GIT_CONFIG_COUNT": str(len(values)), **dict(pairs)}


def changed_between(
    checkout: str, base: str, head: str, remote: Remote | None, environ: Mapping[str, str]
) -> ChangedFiles:
    """The files in which two commits differ, a renamed one under both names; an unknown list where one is out of reach.

    Nothing is written into the checkout: what it lacks is fetched into a repository of its own that borrows from it.

    Args:
        checkout: a folder of the work tree, which may be shallow.
        base: a commit.
        head: another.
        remote: where what is missing is fetched; None to fetch nothing.
        environ: of this process.

    Raises:
        ServiceFailed: git cannot be run, or takes too long.
    """
    unknown = ChangedFiles(paths=(), complete=False)
    git = Git.installed(checkout, environ) if Path(checkout).is_dir() else None
    if git is None or not (matching_commit(base) and matching_commit(head)):
        return unknown
    answer = git.ask("rev-parse", "--git-path", "objects")
    if answer.code:
        return unknown
    objects = os.path.realpath(Path(checkout, os.fsdecode(answer.output.removesuffix(b"\n"))))
    with tempfile.TemporaryDirectory(prefix="mlci-") as folder:
        alone = git.at(folder).having(GIT_DIR=folder)
        alone.run("init", "--quiet", "--bare", folder)
        both = alone.having(GIT_ALTERNATE_OBJECT_DIRECTORIES=objects)
        # Fetched without what the checkout has: told of its newest commit, a server takes all before it for known.
        if not all(_there(both, each) or _fetched(alone, each, remote) for each in (base, head)):
            return unknown
        names = both.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", base, head)
    return ChangedFiles(paths=tuple(os.fsdecode(each) for each in names.split(b"\0") if each), complete=True)


def _there(git: Git, commit: str) -> bool:
    return git.ask("cat-file", "-e", f"{commit}^{{tree}}").code == 0


def _fetched(git: Git, commit: str, remote: Remote | None) -> bool:
    if remote is None:
        return False
    asking = replace(git.having(**remote.settings), overrides=(*git.overrides, *_ALLOWED))
    words = ("fetch", "--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head", remote.url, commit)
    return asking.ask(*words, timeout=_LONG).code == 0
