"""Whose policy judges a change: base-owned keys come from the branch to merge to, through the forge."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.forge import workspace_of
from mlci.config.load import Loaded, load_text
from mlci.config.model import Config
from mlci.config.ownership import composed
from mlci.config.quote import one_line
from mlci.config.resolve import resolve
from mlci.domain.finding import Finding
from mlci.domain.ownership import Changed, not_yet_merged
from mlci.errors import MlciError, Place, PolicyUnreadable, UsageError

if TYPE_CHECKING:
    from mlci.cli.forge import Forge
    from mlci.cli.invocation import Invocation
    from mlci.ports import Commits


@dataclass(frozen=True)
class Decided:
    """The configuration that decides, and what is to be said about it.

    Attributes:
        config: what the change, or the branch, is judged by.
        proposed: what the change would set in its place; the same where nothing differs.
        changed: keys of the base that the change would set otherwise.
        notes: findings about the policy itself, besides the changed keys.
    """

    config: Config
    proposed: Config
    changed: tuple[Changed, ...] = ()
    notes: tuple[Finding, ...] = ()


def decide(invocation: Invocation, forge: Forge | None) -> Decided:
    """Settle the policy: on the default branch, this checkout's; anywhere else, base-owned keys come from the base.

    What is found lies on a commit, and a commit can be proposed to several branches. So whatever is not about the
    default branch itself is judged by the default branch's policy; see ``docs/decisions/0007-one-policy.md``.

    Raises:
        PolicyUnreadable: the base's file could not be read; the change's own is never taken instead.
        MlciError: the base's file is not valid; its place names the commit.
    """
    own = invocation.resolved.config
    if forge is None or forge.run.on_default_branch:
        return Decided(own, own)
    path = in_repository(invocation.own["config"], invocation.environ)
    base = base_file(forge.commits, path, base_of(forge), invocation.environ)
    if base is None and invocation.loaded is not None:
        _require_in_change(forge, path)
    both = composed(invocation.loaded, base)
    config = resolve(both.deciding, invocation.overrides).config
    return Decided(config, own, both.changed, (not_yet_merged(),) if both.not_yet_merged else ())


def base_of(forge: Forge) -> str:
    """The commit whose policy holds: the one the event names for the default branch, else what that branch is at now.

    Raises:
        PolicyUnreadable: the forge did not say.
    """
    change, default = forge.run.change, forge.run.default_branch
    if change is not None and change.base_branch == default:
        return change.base
    with reading("what the default branch is at"):
        return forge.commits.tip(default)


def _require_in_change(forge: Forge, path: str) -> None:
    """A file that neither side has under this name would be missed on the base only because it is asked for wrongly.

    Raises:
        PolicyUnreadable: the proposed commit has no such file either, or the forge did not say.
    """
    with reading(f"{one_line(path)} of the change"):
        known = forge.commits.file(path, forge.run.commit) is not None
    if not known:
        raise PolicyUnreadable(
            f"{one_line(path)} is on this machine, and in neither the change nor the branch to merge to",
            help="name it by its path in the repository, and check the repository out with git installed",
        )


def base_file(commits: Commits, path: str, commit: str, environ: Mapping[str, str]) -> Loaded | None:
    """The configuration file as a commit has it; None where that commit has none.

    Raises:
        PolicyUnreadable: the forge did not say.
    """
    with reading(f"{one_line(path)} of the branch to merge to ({commit[:12]})"):
        content = commits.file(path, commit)
    if content is None:
        return None
    return load_text(content, f"{one_line(path)} at {commit[:12]}", environ)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever keeps the forge from saying what the policy is, it is never taken for an answer."""
    try:
        yield
    except MlciError as error:
        help = error.help or "run the job again; the change's own policy is never taken instead"
        raise PolicyUnreadable(f"{what} cannot be read: {error.cause}", help=help) from error


def in_repository(path: str, environ: Mapping[str, str]) -> str:
    """A path of this checkout as the repository names it.

    Raises:
        UsageError: it lies outside the checkout, so no commit has it; or behind a symbolic link, which a change could
            turn to another file without changing that file.
    """
    named = Path(path).absolute()
    given = workspace_of(environ)
    # A person may start it below the top of the repository; a runner says where the top is.
    workspace = Path(given).absolute() if given else Path(named.anchor)
    # A runner may name its workspace through a link; that one no change can turn.
    top = _top(named, workspace if named.is_relative_to(workspace) else Path(os.path.realpath(workspace)))
    if not given and top == workspace:
        top = Path.cwd()
    inside = os.path.relpath(named, top)
    if os.path.realpath(path) != os.path.normpath(Path(os.path.realpath(top)) / inside):
        raise UsageError(
            f"{one_line(path)} is a symbolic link or lies behind one", place=Place("--config"), help="name the file"
        )
    if inside == ".." or inside.startswith("../"):
        raise UsageError(
            f"{one_line(path)} lies outside the repository", place=Place("--config"), help="name a file of the checkout"
        )
    return inside


def _top(file: Path, workspace: Path) -> Path:
    """The top of the checkout a file lies in: the workspace, or the folder in it that the checkout was sent to."""
    inside = [folder for folder in file.parents if folder.is_relative_to(workspace)]
    return next((folder for folder in inside if (folder / ".git").exists()), workspace)
