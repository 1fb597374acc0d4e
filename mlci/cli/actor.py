"""Who started this run, by the word of the runner; on a machine without a forge, by git's."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mlci.adapters.git.call import Git
from mlci.adapters.oneline import one_line
from mlci.cli.forge import on_github, on_gitlab
from mlci.domain.release.ledger import Actor

if TYPE_CHECKING:
    from mlci.cli.forge import Forge

_LONGEST = 200


def actor_of(
    environ: Mapping[str, str],
    folder: str,
    forge: Forge | None = None,
    number: Callable[[str], int | None] | None = None,
) -> Actor:
    """Who started the run.

    Args:
        environ: of this process.
        folder: of the configuration, whose repository's settings count on a machine.
        forge: that this runs on; None on a machine.
        number: looks the number of an account up, where the runner names only its name.
    """
    run = forge.run.url if forge is not None else None
    if on_github(environ):
        # Whoever runs a run again is another than who started it, and only the number of the latter is known.
        login = environ.get("GITHUB_TRIGGERING_ACTOR") or environ.get("GITHUB_ACTOR") or ""
        id = _number(environ.get("GITHUB_ACTOR_ID")) if login == environ.get("GITHUB_ACTOR") else None
        if id is None and login and number is not None:
            id = number(login)
        return Actor(where="github", login=one_line(login, _LONGEST), id=id, run=run)
    if on_gitlab(environ):
        login = one_line(environ.get("GITLAB_USER_LOGIN", ""), _LONGEST)
        return Actor(where="gitlab", login=login, id=_number(environ.get("GITLAB_USER_ID")), run=run)
    return Actor(where="local", login=one_line(_of_git(folder, environ) or _of_system(), _LONGEST))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None


def _of_git(folder: str, environ: Mapping[str, str]) -> str | None:
    git = Git.installed(folder, environ)
    if git is None:
        return None
    for name in ("user.email", "user.name"):
        answer = git.ask("config", "--get", name)
        said = answer.output.decode("utf-8", "replace").strip()
        if answer.code == 0 and said:
            return said
    return None


def _of_system() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
