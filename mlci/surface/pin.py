"""The commit by which users name our actions and components: said once, and written wherever an example pins them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mlci import REPOSITORY, __version__

OWNER_AND_NAME = REPOSITORY.removeprefix("https://github.com/")

# Where people write `uses:` and `component:` by hand; a folder or a file, from the root of the repository.
PLACES = ("README.md", "docs", "examples", "workflows-templates", ".github/workflows")


@dataclass(frozen=True)
class Pin:
    """A released commit.

    Attributes:
        sha: the full commit, 40 hexadecimal digits.
        version: the version that was released from it.
    """

    sha: str
    version: str

    def uses(self, path: str) -> str:
        """What a workflow writes after ``uses:``; the path is that of a folder or a reusable workflow, or empty."""
        return f"{OWNER_AND_NAME}{'/' if path else ''}{path}@{self.sha} # v{self.version}"

    def component(self, name: str) -> str:
        """What a pipeline writes after ``component:``, on the GitLab that has a project of our path."""
        return f"$CI_SERVER_FQDN/{self.uses(name)}"


PIN = Pin(sha="61f548f02d9fa598c9da64cc07cd08575e1b2b28", version="0.1.0")

_SHA = re.compile(r"[0-9a-f]{40}")
_USES = re.compile(rf"({re.escape(OWNER_AND_NAME)}(?:/[\w./-]+)?)@[0-9a-f]{{40}} # v[0-9][\w.+-]*")
_CONSTANT = re.compile(r'^PIN = Pin\(sha="[0-9a-f]{40}", version="[^"]+"\)$', re.MULTILINE)


def repinned(text: str, pin: Pin) -> str:
    """A text in which every ``uses:`` and ``component:`` of ours that names a commit names that of the pin."""
    return _USES.sub(lambda found: f"{found[1]}@{pin.sha} # v{pin.version}", text)


def repin(root: Path, sha: str) -> list[str]:
    """Write a commit into this module and every hand-written place; say what was done, one line each.

    Args:
        root: the root of the repository.
        sha: the commit that the present version is released from.

    Raises:
        ValueError: it is not a full commit.
    """
    if not _SHA.fullmatch(sha):
        raise ValueError("a full commit is 40 hexadecimal digits, in lower case")
    pin = Pin(sha, __version__)
    done = []
    for path in _hand_written(root):
        before = path.read_bytes().decode("utf-8")
        after = repinned(before, pin)
        if path == root / "mlci" / "surface" / "pin.py":
            after = _CONSTANT.sub(f'PIN = Pin(sha="{sha}", version="{__version__}")', after)
        if after != before:
            path.write_bytes(after.encode("utf-8"))
            done.append(f"pinned {path.relative_to(root).as_posix()}")
    return done


def _hand_written(root: Path) -> list[Path]:
    found = [root / "mlci" / "surface" / "pin.py"]
    for place in PLACES:
        path = root / place
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [one for one in inside if one.suffix in (".md", ".yml", ".yaml") and one.is_file()]
    return found
