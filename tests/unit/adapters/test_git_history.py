"""What a repository knows of its commits: files, changes, trees written out, and where it knows nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from repositories import ENVIRON, Checkout

from mlci.adapters.git.repository import Repository
from mlci.errors import NotWritable, ServiceFailed, UsageError


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_outside_git_and_without_git_there_is_no_repository(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout.folder)
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True, env=ENVIRON)
    program = checkout.folder / "git"
    program.write_text("#!/bin/sh\ntouch owned\necho /\n")
    program.chmod(0o755)

    assert Repository.find(str(tmp_path), ENVIRON) is None
    assert Repository.find(str(bare), ENVIRON) is None
    assert Repository.find(str(checkout.folder / ".git"), ENVIRON) is None
    assert Repository.find(str(checkout.folder / "no such folder"), ENVIRON) is None
    assert Repository.find(str(checkout.folder), {"PATH": ".:"}) is None, "a git of the checkout is not run"
    assert not (checkout.folder / "owned").exists()


def test_a_broken_repository_is_an_error_and_not_none(checkout: Checkout) -> None:
    (checkout.folder / ".git/config").write_text("[core\n")

    with pytest.raises(ServiceFailed, match="bad config line"):
        Repository.find(str(checkout.folder), ENVIRON)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_repository_of_somebody_else_is_read_only_as_the_workspace_of_this_job(checkout: Checkout) -> None:
    checkout.write({"train.py": "a"}).commit()
    for path in (checkout.folder, checkout.folder / ".git"):
        os.chown(path, 12345, 12345)
    environ = {"PATH": ENVIRON["PATH"], "HOME": "/nonexistent"}

    with pytest.raises(UsageError, match="belongs to another user"):
        Repository.find(str(checkout.folder), environ)
    found = Repository.find(str(checkout.folder), {**environ, "GITHUB_WORKSPACE": str(checkout.folder)})
    assert found is not None
    assert set(found.entries()) == {"train.py"}


def test_a_folder_of_the_repository_knows_its_top_and_its_own_paths(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write({"models/churn/mlci.yml": "x"}).commit()
    (tmp_path / "link").symlink_to(checkout.folder)
    found = Repository.find(str(tmp_path / "link/models/churn"), ENVIRON)

    assert found is not None
    assert found.top == str(checkout.folder)
    assert found.inside(str(tmp_path / "link/models/churn/mlci.yml")) == "models/churn/mlci.yml"
    assert found.inside(str(tmp_path / "mlci.yml")) is None


def test_a_file_is_read_as_a_commit_has_it(checkout: Checkout) -> None:
    first = checkout.write({"mlci.yml": "a", "*": "star", "-x": "dash", ":x": "colon"}).commit()
    (checkout.folder / "link").symlink_to("mlci.yml")
    second = checkout.write({"mlci.yml": "b", "src/a.py": "a"}).commit()
    repository = checkout.repository

    assert repository.file("mlci.yml", first) == b"a"
    assert repository.file("mlci.yml", second) == b"b"
    assert repository.file("*", first) == b"star", "a path is no pattern"
    assert repository.file("-x", first) == b"dash"
    assert repository.file(":x", first) == b"colon"
    assert repository.file("link", first) is None
    for path in ("link", "src"):
        with pytest.raises(ServiceFailed, match="is no file"):
            repository.file(path, second)
    for commit in ("0" * 40, "main", "--help", ""):
        with pytest.raises(ServiceFailed, match="has no commit"):
            repository.file("mlci.yml", commit)


def test_a_branch_is_no_tag_and_may_be_the_one_that_was_fetched(checkout: Checkout) -> None:
    first = checkout.write({"a": "a"}).commit()
    checkout.git("tag", "release")
    checkout.git("update-ref", "refs/remotes/origin/fetched", first)
    second = checkout.write({"a": "b"}).commit()
    checkout.git("tag", "main", first)
    repository = checkout.repository

    assert repository.tip("main") == second
    assert repository.tip("fetched") == first
    assert repository.resolve("main") == second
    assert (repository.resolve("release"), repository.resolve(first[:12])) == (first, first)
    assert (repository.resolve("--all"), repository.resolve("nope"), repository.resolve("a\nb")) == (None, None, None)
    with pytest.raises(ServiceFailed, match="no branch release"):
        repository.tip("release")


def test_what_a_branch_changes_is_counted_from_where_it_left(checkout: Checkout) -> None:
    checkout.write({"a.py": "a", "old.py": "long enough to be found again\n" * 9, "odd\n.py": "x"}).commit()
    checkout.git("checkout", "-qb", "change")
    (checkout.folder / "old.py").rename(checkout.folder / "new.py")
    (checkout.folder / "odd\n.py").write_text("y")
    head = checkout.commit()
    checkout.git("checkout", "-q", "main")
    base = checkout.write({"a.py": "another's"}).commit()
    checkout.git("checkout", "-q", "change")
    repository = checkout.repository

    assert repository.changed_files(base, head).paths == ("new.py", "odd\n.py", "old.py")
    assert repository.changed_since(base).paths == ("new.py", "odd\n.py", "old.py")
    checkout.write({"uncommitted.py": "x", ".mlci/x": "x", "odd\n.py": "x"})
    assert repository.changed_since(base).paths == ("new.py", "old.py", "uncommitted.py")


def test_a_shallow_clone_says_what_it_lacks(checkout: Checkout, tmp_path: Path) -> None:
    first = checkout.write({"a.py": "a"}).commit()
    second = checkout.write({"a.py": "b"}).commit()
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{checkout.folder}", str(tmp_path / "shallow")],
        check=True, env=ENVIRON,
    )  # fmt: skip
    shallow = Repository.find(str(tmp_path / "shallow"), ENVIRON)

    assert shallow is not None
    assert shallow.commit() == second
    assert not shallow.tree(first, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(ServiceFailed, match="has no commit") as caught:
        shallow.changed_files(first, second)
    assert "fetch-depth: 0" in (caught.value.help or "")


def test_a_tree_is_written_as_that_commit_has_it_whatever_the_work_tree_says(
    checkout: Checkout, tmp_path: Path
) -> None:
    attributes = "hidden.py export-ignore\nversion.py export-subst\n"
    files = {
        ".gitattributes": attributes,
        "a/train.py": "a\n",
        "hidden.py": "x",
        "version.py": "$Format:%H$",
        "-n\nx": "x",
    }
    checkout.write(files)
    (checkout.folder / "a/train.py").chmod(0o755)
    (checkout.folder / "out").symlink_to("/etc")
    commit = checkout.commit()
    # Neither the attributes nor the sparse checkout of today are those of the commit.
    checkout.write({".gitattributes": "*.py text eol=crlf\n"})
    checkout.git("config", "core.sparseCheckout", "true")
    (checkout.folder / ".git/info").mkdir(exist_ok=True)
    (checkout.folder / ".git/info/sparse-checkout").write_text("nothing\n")
    (tmp_path / "tree").mkdir()

    assert checkout.repository.tree(commit, str(tmp_path / "tree"))

    written = {str(path.relative_to(tmp_path / "tree")) for path in (tmp_path / "tree").rglob("*")}
    assert written == {*files, "a", "out"}
    for name, text in files.items():
        assert (tmp_path / "tree" / name).read_bytes() == text.encode()
    assert (tmp_path / "tree/a/train.py").stat().st_mode & 0o100
    assert (tmp_path / "tree/out").readlink() == Path("/etc")
    assert checkout.git("status", "--porcelain", "-uno") == "M .gitattributes"
    with pytest.raises(NotWritable):
        checkout.repository.tree(commit, str(tmp_path / "tree"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout", "tree"]


def test_no_token_reaches_a_program_that_git_runs_for_a_filter(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("config", "filter.spy.clean", f"env > {tmp_path / 'seen'}; cat")
    checkout.write({".gitattributes": "*.py filter=spy\n"}).commit()
    checkout.write({"train.py": "x"})
    found = Repository.find(
        str(checkout.folder), {**ENVIRON, "GITHUB_TOKEN": "hunter2", "MLFLOW_TRACKING_TOKEN": "hunter2"}
    )

    assert found is not None
    assert "train.py" in found.entries()
    assert "hunter2" not in (tmp_path / "seen").read_text()


def test_when_several_commits_were_made_and_none_that_is_elsewhere(checkout: Checkout) -> None:
    commits = [checkout.write({"a.txt": content}).commit() for content in ("1", "2", "3")]
    repository = Repository.find(str(checkout.folder), ENVIRON)
    assert repository is not None
    found = repository.committed_at([*commits, "0" * 40])
    assert set(found) == set(commits)
    assert all(at > 0 for at in found.values())
