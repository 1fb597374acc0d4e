"""Whose policy judges a change: base-owned keys come from the branch to merge to, through the forge."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
    """Settle the policy: on a change, the base's keys from its commit; anywhere else, the file of this checkout.

    Raises:
        PolicyUnreadable: the base's file could not be read; the change's own is never taken instead.
        MlciError: the base's file is not valid; its place names the commit.
    """
    own = invocation.resolved.config
    if forge is None or forge.run.change is None:
        return Decided(own, own)
    path = in_repository(invocation.own["config"], invocation.environ)
    base = base_file(forge.commits, path, forge.run.change.base, invocation.environ)
    both = composed(invocation.loaded, base)
    config = resolve(both.deciding, invocation.overrides).config
    return Decided(config, own, both.changed, (not_yet_merged(),) if both.not_yet_merged else ())


def base_file(commits: Commits, path: str, commit: str, environ: Mapping[str, str]) -> Loaded | None:
    """The configuration file as a commit has it; None where that commit has none.

    Raises:
        PolicyUnreadable: the forge did not say.
    """
    try:
        content = commits.file(path, commit)
    except MlciError as error:
        raise PolicyUnreadable(
            f"{one_line(path)} of the branch to merge to ({commit[:12]}) cannot be read: {error.cause}",
            help=error.help or "run the job again; the change's own policy is never taken instead",
        ) from error
    if content is None:
        return None
    return load_text(content, f"{one_line(path)} at {commit[:12]}", environ)


def in_repository(path: str, environ: Mapping[str, str]) -> str:
    """A path of this checkout as the repository names it.

    Raises:
        UsageError: it lies outside the checkout, so no commit has it; or behind a symbolic link, which a change could
            turn to another file without changing that file.
    """
    workspace = Path(environ.get("GITHUB_WORKSPACE") or Path.cwd()).absolute()
    root = os.path.realpath(workspace)
    # A runner may name its workspace through a link; that one no change can turn.
    named = Path(path).absolute()
    inside = os.path.relpath(named, workspace if named.is_relative_to(workspace) else root)
    if os.path.realpath(path) != os.path.normpath(Path(root) / inside):
        raise UsageError(
            f"{one_line(path)} is a symbolic link or lies behind one", place=Place("--config"), help="name the file"
        )
    if inside == ".." or inside.startswith("../"):
        raise UsageError(
            f"{one_line(path)} lies outside the repository", place=Place("--config"), help="name a file of the checkout"
        )
    return inside
