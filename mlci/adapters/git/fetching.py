"""What two commits differ in, where the checkout may lack them: the rest is fetched beside it."""

from __future__ import annotations

import base64
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from mlci.adapters.git.call import Answer, Git
from mlci.adapters.oneline import one_line
from mlci.adapters.told import matching_commit
from mlci.domain.run import ChangedFiles

_LONG = 300.0
# How many commits back two lines are looked at for where they parted: most parted lately; the last is git's for all.
_DEPTHS = (100, 2**31 - 1)


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
            values[f"http.{self.url}.extraHeader"] = f"Authorization: Basic {self._word}"
        if self.authority:
            values[f"http.{self.url}.sslCAInfo"] = self.authority
        # git would hand the header to whatever host a redirect names.
        values[f"http.{self.url}.followRedirects"] = "false"
        # The one protocol that the remote is spoken to by; the rest stays forbidden.
        values[f"protocol.{urlsplit(self.url).scheme}.allow"] = "always"
        pairs = [(f"GIT_CONFIG_KEY_{place}", name) for place, name in enumerate(values)]
        pairs += [(f"GIT_CONFIG_VALUE_{place}", value) for place, value in enumerate(values.values())]
        return {"GIT_CONFIG_COUNT": str(len(values)), **dict(pairs)}

    def without_secrets(self, text: str) -> str:
        """A text that git, or the server through it, wrote, without what nobody is to read."""
        secrets = [self.token, self._word] if self.token else []
        for secret in secrets:
            text = text.replace(secret, "…")
        return re.sub(r"(?<=://)[^\s/@]*@", "", text)

    @property
    def _word(self) -> str:
        return base64.b64encode(f"{self.user}:{self.token}".encode()).decode()


class _Unknown(Exception):
    """Why it cannot be said what two commits differ in."""


def changed_between(
    checkout: str, base: str, head: str, remote: Remote | None, environ: Mapping[str, str], *, parting: bool = False
) -> ChangedFiles:
    """The files in which two commits differ, a renamed one under both names; an unknown list where one is out of reach.

    Nothing is written into the checkout: what it lacks is fetched into a repository of its own that borrows from it.

    Args:
        checkout: a folder of the work tree, which may be shallow.
        base: a commit.
        head: another.
        remote: where what is missing is fetched; None to fetch nothing.
        environ: of this process.
        parting: compare head not with base itself but with the commit at which it left base.

    Raises:
        ServiceFailed: git cannot be run, or takes too long.
    """
    try:
        git, objects = _opened(checkout, environ)
        if not (matching_commit(base) and matching_commit(head)):
            raise _Unknown("one of the two commits is none")
        roots = _parted(git, base, head, remote) if parting else (base,)
        return ChangedFiles(paths=_differing(git, objects, roots, head, remote), complete=True)
    except _Unknown as unknown:
        return ChangedFiles(paths=(), complete=False, why=str(unknown))


def _opened(checkout: str, environ: Mapping[str, str]) -> tuple[Git, str]:
    """git in the checkout, and the folder of its objects."""
    if not Path(checkout).is_dir():
        raise _Unknown("there is no checkout")
    git = Git.installed(checkout, environ)
    if git is None:
        raise _Unknown("there is no git in this image")
    # Whoever wrote into this repository before, as a job of a change on the same runner, could tell of other parents.
    git = replace(git.having(GIT_GRAFT_FILE=os.devnull), overrides=(*git.overrides, "core.commitGraph=false"))
    return git, _path(git, "objects")


def _path(git: Git, name: str) -> str:
    answer = git.ask("rev-parse", "--git-path", name)
    if answer.code:
        raise _Unknown(_last_words(answer, None))
    return os.path.realpath(Path(git.folder, os.fsdecode(answer.output.removesuffix(b"\n"))))


def _parted(git: Git, base: str, head: str, remote: Remote | None) -> tuple[str, ...]:
    """Where head left base. No forge is asked: it may remember where head left another branch, or an older base."""
    roots = _roots(git, base, head)
    with tempfile.TemporaryDirectory(prefix="mlci-") as folder:
        alone = _made(git, folder)
        for depth in _DEPTHS:
            if roots is None:
                # Commits alone, which are small: no folder and no file of theirs.
                _fetch(alone, remote, f"--depth={depth}", "--filter=tree:0", wanted=(base, head))
                roots = _roots(alone, base, head)
    if not roots:
        raise _Unknown("the two commits have none in common")
    return roots


def _roots(git: Git, base: str, head: str) -> tuple[str, ...] | None:
    """The newest commits that two have in common; None where this repository does not reach far enough to say."""
    answer = git.ask("merge-base", "--all", base, head)
    if answer.code > 1:
        return None
    roots = answer.output.decode().split()
    beyond = git.ask("rev-list", base, head, "--not", *roots)
    # Where a shallow repository ends, a newer one in common may lie behind.
    ends = Path(_path(git, "shallow"))
    cut = set(ends.read_text("ascii").split()) if ends.exists() else set()
    return None if beyond.code or cut & set(beyond.output.decode().split()) else tuple(roots)


def _differing(git: Git, objects: str, roots: tuple[str, ...], head: str, remote: Remote | None) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory(prefix="mlci-") as folder:
        alone = _made(git, folder)
        both = alone.having(GIT_ALTERNATE_OBJECT_DIRECTORIES=objects)
        # Fetched without what the checkout has: told of its newest commit, a server takes all before it for known.
        for each in (*roots, head):
            if not _there(both, each):
                _fetch(alone, remote, "--depth=1", wanted=(each,))
        words = ("diff-tree", "-r", "-z", "--no-renames", "--name-only")
        # Of lines that were merged crosswise there are several roots, and what differs from any of them is a change.
        names = dict.fromkeys(name for root in roots for name in both.run(*words, root, head).split(b"\0") if name)
    return tuple(os.fsdecode(each) for each in names)


def _made(git: Git, folder: str) -> Git:
    """An empty repository in a folder."""
    alone = git.at(folder).having(GIT_DIR=folder)
    alone.run("init", "--quiet", "--bare", folder)
    return alone


def _there(git: Git, commit: str) -> bool:
    return git.ask("cat-file", "-e", f"{commit}^{{tree}}").code == 0


def _fetch(git: Git, remote: Remote | None, *options: str, wanted: tuple[str, ...]) -> None:
    if remote is None:
        raise _Unknown("the checkout lacks a commit")
    asking = git.having(**remote.settings)
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *options, remote.url, *wanted)
    answer = asking.ask(*words, timeout=_LONG)
    if answer.code:
        raise _Unknown(_last_words(answer, remote))


def _last_words(answer: Answer, remote: Remote | None) -> str:
    """What git ended with, on one line."""
    lines = [line for line in answer.error.splitlines() if line.strip()]
    said = lines[-1] if lines else f"exit status {answer.code}"
    return f"git {answer.words[0]}: {one_line(remote.without_secrets(said) if remote else said, 200)}"
