"""A real bare git repository: what commits, trees and comparisons are read from."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Nothing of the developer's own settings may change what a test commits.
_QUIET = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "A user",
    "GIT_AUTHOR_EMAIL": "user@example.com",
    "GIT_COMMITTER_NAME": "A user",
    "GIT_COMMITTER_EMAIL": "user@example.com",
}
_EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z; each commit is a minute younger than the one before


class GitFailed(Exception):
    """git refused; the text is what it said."""


def git(folder: Path, *words: str, given: bytes = b"", when: int = _EPOCH) -> bytes:
    """Run git in a folder, deaf to the settings of this machine.

    Raises:
        GitFailed: it ended with another status than 0.
    """
    stamp = f"{when} +0000"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **_QUIET}
    environment |= {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
    done = subprocess.run(
        ["git", "-C", str(folder), *words], input=given, capture_output=True, env=environment, check=False
    )
    if done.returncode != 0:
        raise GitFailed(done.stderr.decode(errors="replace").strip())
    return done.stdout


@dataclass(frozen=True)
class Symlink:
    """A file of a commit that is a symbolic link to this target."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """An entry of a commit that stands for a commit of another repository."""

    commit: str


@dataclass(frozen=True)
class Entry:
    """An entry of a tree."""

    mode: str
    kind: str
    sha: str
    size: int
    path: str


@dataclass(frozen=True)
class Difference:
    """A file that two commits have differently; ``previous`` is set where it was renamed."""

    path: str
    previous: str | None
    status: str
    sha: str


Content = bytes | str | Symlink | Submodule | None


@dataclass
class Objects:
    """The commits of a repository and of its forks."""

    folder: Path
    _count: int = field(default=0)

    @classmethod
    def empty(cls, folder: Path, branch: str) -> Objects:
        """A new bare repository in a folder that does not exist yet."""
        # What `git init --bare` makes, without starting a process for each of many repositories.
        for below in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
            (folder / below).mkdir(parents=True)
        (folder / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
        settings = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\tfsync = none\n"
        (folder / "config").write_text(settings)
        return cls(folder)

    def commit(self, ref: str, files: Mapping[str, Content], message: str, parent: str | None, by: str = "user") -> str:
        """Commit these files on top of a parent and point the ref at it; None removes a file.

        Paths are taken as they are, so that a test can have any name that git itself allows. The address in the commit
        is that of ``by`` at example.com.
        """
        self._count += 1
        when = _EPOCH + 60 * self._count
        # git itself ends every message with a line end.
        said = message.rstrip("\n").encode() + b"\n"
        stream = [f"feature get-mark\ncommit {ref}\nmark :1\n".encode()]
        stream.append(f"committer A user <{by}@example.com> {when} +0000\ndata {len(said)}\n".encode() + said + b"\n")
        if parent:
            stream.append(f"from {parent}\n".encode())
        for path, content in files.items():
            stream.append(_change(path, content))
        stream.append(b"get-mark :1\n")
        made = git(self.folder, "fast-import", "--quiet", "--force", given=b"".join(stream))
        return made.decode().strip()

    def merged(self, ref: str, base: str, head: str, message: str) -> str | None:
        """A merge of head into base, with the ref pointed at it; None where they conflict."""
        self._count += 1
        try:
            tree = git(self.folder, "merge-tree", "--write-tree", base, head).decode().split()[0]
        except GitFailed:
            return None
        when = _EPOCH + 60 * self._count
        words = ("commit-tree", tree, "-p", base, "-p", head, "-m", message)
        made = git(self.folder, *words, when=when).decode().strip()
        self.point(ref, made)
        return made

    def squashed(self, ref: str, base: str, head: str, message: str) -> str | None:
        """The tree of a merge of head into base as one commit on top of base; None where they conflict."""
        self._count += 1
        try:
            tree = git(self.folder, "merge-tree", "--write-tree", base, head).decode().split()[0]
        except GitFailed:
            return None
        words = ("commit-tree", tree, "-p", base, "-m", message)
        made = git(self.folder, *words, when=_EPOCH + 60 * self._count).decode().strip()
        self.point(ref, made)
        return made

    def refs(self, stem: str) -> dict[str, str]:
        """Refs that begin so, whole names, with the commits they are at."""
        listed = git(self.folder, "for-each-ref", "--format=%(refname) %(objectname)").decode().splitlines()
        found = {name: commit for name, _, commit in (line.rpartition(" ") for line in listed)}
        return {name: commit for name, commit in found.items() if name.startswith(f"refs/{stem}")}

    def mergeable(self, base: str, head: str) -> bool:
        """Whether head can be merged into base without a conflict."""
        try:
            git(self.folder, "merge-tree", "--write-tree", base, head)
        except GitFailed:
            return False
        return True

    def fetch(self, other: Objects, commit: str, ref: str) -> None:
        """Bring a commit of another repository in, with all that it is made of, and point a ref at it."""
        git(self.folder, "fetch", "--quiet", "--no-tags", str(other.folder), f"+{commit}:{ref}")

    def copied(self, folder: Path, branch: str) -> Objects:
        """A copy in a folder that does not exist yet, with this branch alone."""
        made = Objects.empty(folder, branch)
        made._count = self._count
        tip = self.resolve(f"refs/heads/{branch}")
        if tip is not None:
            made.fetch(self, tip, f"refs/heads/{branch}")
        return made

    def branches(self, containing: str | None = None) -> dict[str, str]:
        """Branches by name with the commits they are at; those alone that hold a commit, where one is given."""
        words = ["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads"]
        if containing is not None:
            words.insert(1, f"--contains={containing}")
        listed = git(self.folder, *words).decode().splitlines()
        return {name: commit for name, _, commit in (line.rpartition(" ") for line in listed)}

    def point(self, ref: str, commit: str) -> None:
        """Make a ref name a commit."""
        git(self.folder, "update-ref", ref, commit)

    def drop(self, ref: str) -> None:
        """Remove a ref."""
        git(self.folder, "update-ref", "-d", ref)

    def resolve(self, name: str) -> str | None:
        """The commit that a (shortened) sha, a branch, a tag or a ref names; None where there is none.

        The rest of git's ways to name a commit (HEAD~1, :/text) mean nothing to GitHub.
        """
        candidates = [f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}"]
        if name.startswith("refs/"):
            candidates = [name]
        elif re.fullmatch(r"[0-9a-f]{7,40}", name):
            candidates.insert(0, name)
        for candidate in candidates:
            if candidate != name and re.search(r"[~^:?*\[\\\s]|\.\.|@\{", name):
                continue
            try:
                words = ("rev-parse", "--verify", "--quiet", "--end-of-options", candidate + "^{commit}")
                return git(self.folder, *words).decode().strip()
            except GitFailed:
                continue
        return None

    def entry(self, commit: str, path: str) -> Entry | None:
        """What a commit has at a path; None where it has nothing there."""
        if path.startswith(("..", "/")):
            return None
        found = self.entries(commit, path)
        return found[0] if len(found) == 1 and found[0].path == path else None

    def entries(self, commit: str, *paths: str) -> list[Entry]:
        """Entries of the root, or those at the given paths; a path that ends in / means what is in it."""
        listed = git(self.folder, "--literal-pathspecs", "ls-tree", "-l", "-z", commit, "--", *paths).decode()
        found = []
        for line in listed.split("\0"):
            if line:
                head, path = line.split("\t", 1)
                mode, kind, sha, size = head.split()
                found.append(Entry(mode, kind, sha, 0 if size == "-" else int(size), path))
        return found

    def blob(self, sha: str) -> bytes:
        """The bytes of a file."""
        return git(self.folder, "cat-file", "blob", sha)

    def tree_of(self, commit: str) -> str:
        """The tree of a commit."""
        return git(self.folder, "rev-parse", commit + "^{tree}").decode().strip()

    def parents(self, commit: str) -> list[str]:
        """The parents of a commit."""
        return git(self.folder, "rev-list", "--parents", "-n", "1", commit).decode().split()[1:]

    def message(self, commit: str) -> str:
        """The message of a commit."""
        return git(self.folder, "log", "-1", "--format=%B", commit).decode().rstrip("\n")

    def merge_base(self, one: str, other: str) -> str | None:
        """Where two commits parted; None where they never were one."""
        try:
            return git(self.folder, "merge-base", one, other).decode().strip()
        except GitFailed:
            return None

    def between(self, one: str, other: str) -> list[str]:
        """Commits of other that one has not, oldest first."""
        return git(self.folder, "rev-list", "--reverse", f"{one}..{other}").decode().split()

    def differences(self, one: str, other: str) -> list[Difference]:
        """What other has differently from one, by path; renames found as GitHub finds them."""
        words = ("diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev", one, other)
        parts = git(self.folder, *words).decode().split("\0")
        found = []
        while len(parts) > 1:
            _, _, old, new, letter = parts.pop(0).lstrip(":").split()
            path = parts.pop(0)
            previous = None
            if letter[0] == "R":
                previous, path = path, parts.pop(0)
            status = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed"}[letter[0]]
            found.append(Difference(path, previous, status, old if letter[0] == "D" else new))
        return found


def _change(path: str, content: Content) -> bytes:
    quoted = b'"' + path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
    if content is None:
        return b"D " + quoted + b"\n"
    if isinstance(content, Submodule):
        return f"M 160000 {content.commit} ".encode() + quoted + b"\n"
    mode = b"120000" if isinstance(content, Symlink) else b"100644"
    data = content.target.encode() if isinstance(content, Symlink) else content
    if isinstance(data, str):
        data = data.encode()
    return b"M " + mode + b" inline " + quoted + f"\ndata {len(data)}\n".encode() + data + b"\n"
