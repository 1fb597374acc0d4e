"""What a model reads in this checkout, by every name a change could list it under."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlci.adapters.disk.links import names_of
from mlci.cli.policy import in_repository
from mlci.steps import plan

if TYPE_CHECKING:
    from mlci.config.model import Config
    from mlci.domain.inputs import Reading


def reading_here(config: Config, file: str, environ: Mapping[str, str]) -> Reading:
    """What training and judging read, links of this checkout followed.

    Args:
        config: that decides.
        file: the configuration file, a path of this machine.
        environ: of this process.

    Raises:
        UsageError: the file lies outside the repository, or behind a link.
        OutOfRange: a pattern of ``train.paths`` cannot be understood.
    """
    inside = in_repository(file, environ)
    top = str(Path(os.path.normpath(Path(file).absolute())).parents[len(PurePosixPath(inside).parts) - 1])
    return plan.reading(config, inside).led(lambda path: names_of(top, path))


def kept_by_git(reads: Reading, file: str, environ: Mapping[str, str]) -> bool:
    """Whether the holdout itself is a file of the commit that is checked out, so that no pointer decides what it is.

    Args:
        reads: as :func:`reading_here` gives it.
        file: the configuration file.
        environ: of this process.
    """
    from mlci.adapters.git.repository import Repository

    repository = Repository.find(str(Path(file).parent), environ)
    commit = repository.commit() if repository is not None else None
    if repository is None or commit is None or reads.holdout is None:
        return False
    lies = (names_of(repository.top, reads.holdout) or (reads.holdout,))[-1]
    mode, _ = repository.committed(commit).get(lies, ("", ""))
    return mode.startswith("100")
