"""The repository on this machine, through the ``git`` program: read only, without hooks, prompts or the network."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlci.adapters.disk.files import umask
from mlci.adapters.git.call import Git
from mlci.adapters.oneline import one_line
from mlci.domain.inputs import CACHES, OWN, digest_of_entries, is_own
from mlci.domain.run import ChangedFiles
from mlci.errors import FileMissing, NotWritable, Place, ServiceFailed, UsageError

# Mode and id, as git writes them in a tree: 100644, 100755, 120000 for a symbolic link, 160000 for a submodule.
Entry = tuple[str, str]

_FILE, _PROGRAM, _LINK, _SUBMODULE = "100644", "100755", "120000", "160000"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_LARGEST_FILE = 16 << 20
# Hashing, or writing out, as much as people keep in a repository.
_LONG = 900.0


def _everything(_: str) -> bool:
    return True


@dataclass(frozen=True)
class _Tracked:
    """A file of the index: what git would commit, and whether the checkout is told not to look at it."""

    entry: Entry
    unwatched: bool


class Repository:
    """A work tree and its repository. Paths are from its top, with ``/``; bytes that are no UTF-8 half surrogates.

    Every method raises ``ServiceFailed`` where git fails or takes too long.
    """

    def __init__(self, git: Git, top: str) -> None:
        self._git = git
        self.top = top

    @classmethod
    def find(cls, folder: str, environ: Mapping[str, str]) -> Repository | None:
        """The repository whose work tree a folder lies in; None outside one, and where git is not installed.

        Raises:
            UsageError: it belongs to somebody else, whose settings could make git run their programs.
            ServiceFailed: there is one, and git cannot read it.
        """
        where = os.path.realpath(folder)
        git = Git.installed(where, environ)
        if git is None or not Path(where).is_dir():
            return None
        answer = git.ask("rev-parse", "--show-toplevel")
        if answer.code:
            if "dubious ownership" in answer.error:
                raise UsageError(
                    f"the repository of {one_line(where, 200)} belongs to another user, so git does not read it",
                    help="run git config --global --add safe.directory with its path, if you trust it",
                )
            if (
                "not a git repository" in answer.error
                or "work tree" in answer.error
                or "bare repository" in answer.error
            ):
                return None
            raise git.failed(answer)
        top = os.fsdecode(answer.output.removesuffix(b"\n"))
        inside = where == top or where.startswith(f"{top.rstrip('/')}/")
        return cls(git.at(top), top) if inside else None

    def inside(self, path: str) -> str | None:
        """A path on this machine as the repository names it; None where it lies outside. Links are not followed."""
        found = os.path.relpath(Path(os.path.realpath(Path(path).parent), Path(path).name), self.top)
        return None if found == ".." or found.startswith("../") else found

    def commit(self) -> str | None:
        """The commit that is checked out; None before the first."""
        return self._resolved("HEAD")

    def resolve(self, name: str) -> str | None:
        """The commit that a branch, here or on the remote it came from, or else any other name of git's stands for."""
        if name.startswith("-") or not name.isprintable():
            return None
        spellings = (f"refs/heads/{name}", f"refs/remotes/origin/{name}", f"refs/remotes/{name}", name)
        return next((found for one in spellings if (found := self._resolved(one)) is not None), None)

    def tip(self, branch: str) -> str:
        """The commit a branch is at, here or, where there is none here, when it was last fetched; never a tag."""
        for name in (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}"):
            if (found := self._resolved(name)) is not None:
                return found
        raise ServiceFailed(f"this repository has no branch {one_line(branch, 100)}")

    def committed_at(self, commits: Iterable[str]) -> dict[str, int]:
        """When commits were committed, in seconds since 1970 by the committer's clock; those not here are left out."""
        wanted = "".join(f"{one}\n" for one in commits if _COMMIT.match(one))
        words = ("rev-list", "--no-walk=unsorted", "--ignore-missing", "--timestamp", "--stdin")
        answer = self._git.ask(*words, given=wanted.encode()) if wanted else None
        if answer is not None and answer.code:
            raise self._git.failed(answer)
        pairs = (line.split() for line in answer.output.decode("ascii").splitlines()) if answer is not None else ()
        return {commit: int(at) for at, commit in pairs}

    def merge_base(self, one: str, other: str) -> str | None:
        """The commit where two lines of commits parted; None where they have none in common, as in a shallow clone."""
        answer = self._git.ask("merge-base", self._known(one), self._known(other))
        if answer.code > 1:
            raise self._git.failed(answer)
        return os.fsdecode(answer.output.split(b"\n")[0]) or None if answer.code == 0 else None

    def changed_files(self, base: str, head: str) -> ChangedFiles:
        """What head changes since it left base; a renamed file under both names."""
        parted = self._parted(base, head)
        names = self._git.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", parted, head)
        return ChangedFiles(paths=tuple(_lines(names)), complete=True)

    def changed_since(self, base: str) -> ChangedFiles:
        """What the files on this machine change since HEAD left base, committed or not."""
        head = self.commit()
        before = self.committed(self._parted(base, head) if head is not None else base)
        now = self.entries()
        differing = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
        return ChangedFiles(paths=tuple(sorted(path for path in differing if not is_own(path))), complete=True)

    def file(self, path: str, commit: str) -> bytes | None:
        """A file as a commit has it; None where the commit has no such file.

        Raises:
            ServiceFailed: the commit is not here, or the path is a folder, a link or a submodule, or beyond 16 MiB.
        """
        line = self._git.run("ls-tree", "-z", "-l", "--full-tree", self._known(commit), "--", path).rstrip(b"\0")
        if not line:
            return None
        mode, kind, id, size = line.split(b"\t")[0].decode().split()
        if kind != "blob" or mode == _LINK or int(size) > _LARGEST_FILE:
            raise ServiceFailed(f"{one_line(path, 200)} at {commit[:12]} is no file, or larger than 16 MiB")
        return self._git.run("cat-file", "blob", id)

    def committed(self, commit: str) -> dict[str, Entry]:
        """Every file of a commit, with its mode and id."""
        found: dict[str, Entry] = {}
        for line in _lines(self._git.run("ls-tree", "-r", "-z", "--full-tree", self._known(commit))):
            facts, _, path = line.partition("\t")
            mode, _, id = facts.split(" ")
            found[path] = (mode, id)
        return found

    def blob(self, id: str, largest: int) -> bytes | None:
        """The content of a file by its id in git; None where it has more bytes than that."""
        small = int(self._git.run("cat-file", "-s", id)) <= largest
        return self._git.run("cat-file", "blob", id) if small else None

    def entries(self, wanted: Callable[[str], bool] = _everything) -> dict[str, Entry]:
        """The files of the work tree that git does not ignore, with the mode and id that committing them would give.

        The same files give the same entries, committed, staged or neither. A submodule is its commit, and what differs
        from that. What mlci, interpreters and virtual environments leave untracked is left out.

        Args:
            wanted: leaves out paths before they are read.

        Raises:
            FileMissing: a file cannot be read.
        """
        with self._index() as git:
            tracked = self._tracked(git)
            changed = self._changed(git)
            untracked = self._untracked(git)
        found: dict[str, Entry] = {}
        from_disk: dict[str, str | None] = {}
        for path, held in tracked.items():
            if not wanted(path):
                continue
            if held.entry[0] == _SUBMODULE and changed.get(path, _SUBMODULE) == _SUBMODULE:
                found[path] = self._submodule(path) or held.entry
            elif path in changed or held.unwatched:
                from_disk[path] = changed.get(path)
            else:
                found[path] = held.entry
        from_disk.update({path: None for path in untracked if wanted(path)})
        return found | self._on_disk(from_disk)

    def listed(self) -> list[str]:
        """The files of the work tree that git does not ignore, tracked or not; a submodule by its bare name."""
        tracked = _lines(self._git.run("ls-files", "-z", "--cached"))
        return sorted({*tracked, *self._untracked(self._git)})

    def dirty(self, may_read: Callable[[str], bool] = _everything) -> bool:
        """Whether files differ from the commit that is checked out: tracked ones, or untracked ones that count.

        Args:
            may_read: whether an untracked file counts; what mlci itself leaves never does.
        """
        head = self.commit()
        with self._index() as git:
            tracked, changed = self._tracked(git), self._changed(git)
            untracked = any(may_read(path) for path in self._untracked(git))
            staged = git.run("diff-index", "--cached", "-z", "--name-only", head) if head is not None else b"all"
        if untracked or any(not is_own(path) for path in _lines(staged)):
            return True
        # git lists a file whose size changed, though its line ends may be all that did.
        listed = {path: mode for path, mode in changed.items() if not is_own(path)}
        there = self._on_disk(listed)
        hidden = self._on_disk({path: None for path, held in tracked.items() if held.unwatched})
        inner = {path: self._submodule(path) for path, held in tracked.items() if held.entry[0] == _SUBMODULE}
        found = {**dict.fromkeys(listed), **there, **hidden, **{path: one for path, one in inner.items() if one}}
        return any(tracked[path].entry != entry for path, entry in found.items())

    def tree(self, commit: str, folder: str) -> bool:
        """Write a commit's files into a folder, as a checkout would, without touching the work tree or the index.

        Args:
            folder: does not exist, or is empty; it appears whole or not at all. Submodules are empty folders in it.

        Returns:
            whether the repository holds all of it; a shallow or partial clone may not.

        Raises:
            NotWritable: the folder cannot be written, or holds something.
        """
        if not _COMMIT.match(commit) or self._resolved(commit) is None:
            return False
        target = Path(folder).absolute()
        temporary: str | None = None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.")
            whole = self._written(commit, temporary)
            if whole:
                Path(temporary).chmod(0o777 & ~umask())
                Path(temporary).replace(target)
        except OSError as error:
            why = error.strerror or error
            raise NotWritable(f"cannot write {one_line(folder, 200)}: {why}", place=Place(folder)) from error
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)
        return whole

    def _written(self, commit: str, folder: str) -> bool:
        """As a checkout into an empty work tree; the attributes that apply are those of the commit itself."""
        own = os.fsdecode(self._git.run("rev-parse", "--absolute-git-dir").removesuffix(b"\n"))
        with tempfile.TemporaryDirectory() as beside:
            elsewhere = {"GIT_DIR": own, "GIT_WORK_TREE": folder, "GIT_INDEX_FILE": str(Path(beside, "index"))}
            git = self._git.at(folder).having(**elsewhere)
            return git.ask("read-tree", "--reset", "-u", "--no-sparse-checkout", commit, timeout=_LONG).code == 0

    def _resolved(self, name: str) -> str | None:
        answer = self._git.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        found = os.fsdecode(answer.output.strip())
        return found if answer.code == 0 and _COMMIT.match(found) else None

    def _known(self, commit: str) -> str:
        if not _COMMIT.match(commit) or self._resolved(commit) is None:
            raise ServiceFailed(
                f"this repository has no commit {one_line(commit, 64)}",
                help="a shallow clone has only the newest commits; fetch it, or check out with fetch-depth: 0",
            )
        return commit

    def _parted(self, base: str, head: str) -> str:
        found = self.merge_base(base, head)
        if found is None:
            raise ServiceFailed(
                f"{head[:12]} and {base[:12]} have no commit in common here",
                help="a shallow clone has only the newest commits; check out with fetch-depth: 0",
            )
        return found

    @contextmanager
    def _index(self) -> Iterator[Git]:
        """git with a copy of the index, brought up to date: what only looks changed does not count as changed."""
        own = Path(self.top, os.fsdecode(self._git.run("rev-parse", "--git-path", "index").removesuffix(b"\n")))
        with tempfile.TemporaryDirectory() as beside:
            copy = Path(beside, "index")
            if own.exists():
                # The date goes along: git compares it with those of files to find one that changed within a tick.
                shutil.copy2(own, copy)
            git = self._git.having(GIT_INDEX_FILE=str(copy))
            git.ask("update-index", "-q", "--unmerged", "--really-refresh", timeout=_LONG)
            yield git

    def _tracked(self, git: Git) -> dict[str, _Tracked]:
        found = {}
        for line in _lines(git.run("ls-files", "-z", "-v", "--stage")):
            facts, _, path = line.partition("\t")
            tag, mode, id, _ = facts.split(" ")
            found[path] = _Tracked((mode, id), tag == "S" or tag.islower())
        return found

    def _changed(self, git: Git) -> dict[str, str | None]:
        """Tracked paths that differ from the index, with the mode they have now; None for one that is gone."""
        fields = iter(_lines(git.run("diff-files", "-z", "--raw", "--ignore-submodules=dirty", timeout=_LONG)))
        found: dict[str, str | None] = {}
        for facts in fields:
            mode, path = facts.split(" ")[1], next(fields)
            # A path in conflict comes twice; what is on disk decides.
            found[path] = mode if mode != "000000" or facts.endswith("U") else found.get(path)
        return found

    def _untracked(self, git: Git) -> list[str]:
        excludes = [f"--exclude={one}" for one in (*OWN, *CACHES)]
        listed = [
            path.rstrip("/") for path in _lines(git.run("ls-files", "-z", "--others", "--exclude-standard", *excludes))
        ]
        environments = {path[: -len("pyvenv.cfg")] for path in listed if f"/{path}".endswith("/pyvenv.cfg")} - {""}
        return [path for path in listed if not any(path.startswith(folder) for folder in environments)]

    def _submodule(self, path: str) -> Entry | None:
        """What is checked out in a submodule or in a repository within this one; None where nothing is."""
        place = str(Path(self.top, path))
        inner = Repository(self._git.at(place), place)
        answer = inner._git.ask("rev-parse", "--show-toplevel") if Path(place, ".git").exists() else None
        if answer is None or answer.code or os.fsdecode(answer.output.removesuffix(b"\n")) != os.path.realpath(place):
            return None
        commit = inner.commit()
        if commit is not None and not inner.dirty():
            return _SUBMODULE, commit
        entries = ((name, *entry) for name, entry in inner.entries().items())
        return _SUBMODULE, f"{commit or 'unborn'}+{digest_of_entries(entries)}"

    def _on_disk(self, paths: Mapping[str, str | None]) -> dict[str, Entry]:
        """Entries of paths as they are on disk, with the mode where git knows it; what is gone is left out."""
        found: dict[str, Entry] = {}
        files: dict[str, str] = {}
        for path, known in paths.items():
            place = Path(self.top, path)
            try:
                mode = os.lstat(place).st_mode
            except OSError:
                continue
            if os.path.realpath(place.parent) != str(place.parent):
                continue
            if stat.S_ISLNK(mode):
                found[path] = _LINK, self._blob(os.fsencode(os.readlink(place)))  # noqa: PTH115 - pathlib tidies it
            elif stat.S_ISDIR(mode):
                if (inner := self._submodule(path)) is not None:
                    found[path] = inner
            elif stat.S_ISREG(mode):
                own = known if known in (_FILE, _PROGRAM) else None
                files[path] = own or (_PROGRAM if mode & stat.S_IXUSR else _FILE)
        ids = self._hashed(files)
        return found | {path: (mode, ids[path]) for path, mode in files.items()}

    def _hashed(self, paths: Iterable[str]) -> dict[str, str]:
        """Ids of files as git would store them, line ends and other filters applied."""
        names = list(paths)
        if not names:
            return {}
        asked = b"".join(_quoted(name) + b"\n" for name in names)
        answer = self._git.ask("hash-object", "--stdin-paths", given=asked, timeout=_LONG)
        ids = answer.output.decode().split()
        if answer.code or len(ids) != len(names):
            raise FileMissing(f"git cannot read a file of the work tree: {one_line(answer.error, 300)}")
        return dict(zip(names, ids, strict=True))

    def _blob(self, content: bytes) -> str:
        format = self._git.run("rev-parse", "--show-object-format").decode().strip()
        return hashlib.new(format, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _lines(output: bytes) -> list[str]:
    return [os.fsdecode(line) for line in output.split(b"\0") if line]


def _quoted(path: str) -> bytes:
    """As git reads a name between quotes: a name can hold a line end, or begin with a quote."""
    letters = (b"\\%03o" % one if one < 33 or one > 126 or one in b'"\\' else b"%c" % one for one in os.fsencode(path))
    return b'"' + b"".join(letters) + b'"'
