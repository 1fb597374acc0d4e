"""The ledger in a repository: nobody's checkout, hooks, settings, name or credentials are touched or used."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from forge.repository import GitFailed, git
from gitlab_server.gitlab import GitLab
from ledgers import REF, environ_of, files, fill, local, repository, sha256

from mlci.adapters.gitlab.ledger import ledger as gitlab_ledger
from mlci.adapters.ledger import git as local_ledger
from mlci.adapters.remote.patience import Clock
from mlci.cli.ledger import ledger_of
from mlci.errors import LedgerBroken, ServiceFailed, ServiceRefused, UsageError


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    return repository(tmp_path / "project")


def hostile_home(folder: Path, marks: Path) -> dict[str, str]:
    """Settings of a user that would leave a mark wherever git came across them."""
    folder.mkdir()
    program = folder / "program"
    program.write_text(f"#!/bin/sh\necho used >> {marks}\nexit 1\n")
    program.chmod(0o755)
    (folder / ".gitconfig").write_text(
        f"[user]\n\tname = A user\n\temail = user@example.com\n[commit]\n\tgpgSign = true\n"
        f"[gpg]\n\tprogram = {program}\n"
        f"[credential]\n\thelper = {program}\n[core]\n\thooksPath = {folder}/hooks\n\tfsmonitor = {program}\n"
        f"[push]\n\tgpgSign = if-asked\n[core]\n\taskPass = {program}\n"
    )
    (folder / "hooks").mkdir()
    for name in ("reference-transaction", "pre-push", "post-commit", "pre-commit", "post-update"):
        (folder / "hooks" / name).symlink_to(program)
    return {**os.environ, "HOME": str(folder)}


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of a checkout but the objects, the ledger and where its branch was, with size and date."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_file() and "objects/" not in name and "mlci" not in name:
            found[name] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def test_the_checkout_its_hooks_and_its_user_are_left_alone(project: Path, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    environ = hostile_home(tmp_path / "home", marks)
    for name in ("reference-transaction", "pre-commit", "post-commit"):
        (project / ".git" / "hooks" / name).parent.mkdir(exist_ok=True)
        (project / ".git" / "hooks" / name).symlink_to(tmp_path / "home" / "program")
    (project / "train.py").write_text("changed\n")
    (project / "new.py").write_text("staged\n")
    git(project, "add", "new.py")
    before = seen(project)

    fill(local(project, environ), "churn", [b"one", b"two"])

    assert seen(project) == before
    assert not marks.exists()
    assert git(project, "branch", "--show-current").decode().strip() == "main"
    authors = git(project, "log", "--format=%an <%ae> %cn <%ce> %G?", REF).decode().splitlines()
    assert authors == ["mlci <noreply@mlci.invalid> mlci <noreply@mlci.invalid> N"] * 2


def test_the_branch_has_a_beginning_of_its_own_and_git_finds_nothing_wrong(project: Path) -> None:
    ledger = local(project, os.environ)
    ledger.append("churn", 1, b"one", files(b"evidence"), None)
    ledger.append("churn", 2, b"two", files(b"evidence", b"more"), sha256(b"one"))

    assert git(project, "rev-list", "--count", REF).decode().strip() == "2"
    with pytest.raises(GitFailed):
        git(project, "merge-base", "main", REF)
    git(project, "fsck", "--strict", "--full")
    listed = git(project, "ls-tree", "-r", "--name-only", REF).decode().splitlines()
    evidence = sorted(f"churn/evidence/{sha256(each)}.json" for each in (b"evidence", b"more"))
    assert listed == ["churn/000001.json", "churn/000002.json", *evidence]


def test_a_repository_of_sha256_has_a_ledger_too(tmp_path: Path) -> None:
    folder = tmp_path / "modern"
    folder.mkdir()
    git(folder, "init", "--quiet", "--object-format=sha256")
    ledger = local(folder, os.environ)

    fill(ledger, "churn", [b"one", b"two"])

    assert list(ledger.entries("churn")) == [(1, b"one"), (2, b"two")]


def test_a_linked_work_tree_shares_the_ledger(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    fill(local(tmp_path / "linked", os.environ), "churn", [b"one"])

    assert list(local(project, os.environ).entries("churn")) == [(1, b"one")]


def test_a_forgotten_lock_of_the_branch_is_taken_away(project: Path) -> None:
    ledger = local(project, os.environ)
    fill(ledger, "churn", [b"one"])
    lock = project / ".git" / f"{REF}.lock"
    lock.write_text("")
    os.utime(lock, (0, 0))

    ledger.append("churn", 2, b"two", {}, sha256(b"one"))

    assert [number for number, _ in ledger.entries("churn")] == [1, 2]
    assert not lock.exists()


def test_a_lock_that_is_held_is_waited_for_and_stays(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_ledger, "_PATIENCE", 0.5)
    ledger = local(project, os.environ)
    fill(ledger, "churn", [b"one"])
    lock = project / ".git" / f"{REF}.lock"
    lock.write_text("")

    with pytest.raises(ServiceFailed, match="something else holds the lock of the branch"):
        ledger.append("churn", 2, b"two", {}, sha256(b"one"))

    assert lock.exists()
    lock.unlink()
    ledger.append("churn", 2, b"two", {}, sha256(b"one"))


def test_a_branch_in_the_way_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_ledger, "_PATIENCE", 0.0)
    git(project, "branch", "mlci")

    with pytest.raises(ServiceFailed, match="a branch of the name mlci would be in its way"):
        local(project, os.environ).append("churn", 1, b"one", {}, None)


@pytest.mark.parametrize("content", ["", "garbage\n", "c" * 40 + "\n"])
def test_a_branch_that_cannot_be_read_is_not_taken_for_none(project: Path, content: str) -> None:
    ledger = local(project, os.environ)
    fill(ledger, "churn", [b"one"])
    (project / ".git" / REF).write_text(content)

    with pytest.raises(LedgerBroken, match="the branch mlci/ledger cannot be read"):
        ledger.head("churn")
    with pytest.raises(LedgerBroken):
        ledger.append("churn", 1, b"another first", {}, None)


def test_a_branch_that_is_the_name_of_another_does_not_move_that(project: Path) -> None:
    main = git(project, "rev-parse", "main")
    git(project, "symbolic-ref", REF, "refs/heads/other")
    git(project, "update-ref", "refs/heads/other", _ledger_commit(project))

    local(project, os.environ).append("churn", 2, b"two", {}, sha256(b"one"))

    assert git(project, "rev-list", "--count", "refs/heads/other").decode().strip() == "1"
    assert git(project, "rev-parse", "main") == main


def _ledger_commit(project: Path) -> str:
    blob = git(project, "hash-object", "-w", "--stdin", given=b"one").decode().strip()
    own = git(project, "mktree", given=f"100644 blob {blob}\t000001.json\n".encode()).decode().strip()
    root = git(project, "mktree", given=f"040000 tree {own}\tchurn\n".encode()).decode().strip()
    return git(project, "commit-tree", root, "-m", "one").decode().strip()


def test_a_clone_reads_the_ledger_of_the_forge_and_adds_nothing_to_it(project: Path, tmp_path: Path) -> None:
    fill(local(project, os.environ), "churn", [b"one"])
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    ledger = local(tmp_path / "clone", os.environ)

    assert list(ledger.entries("churn")) == [(1, b"one")]
    with pytest.raises(UsageError, match="the ledger of this repository is on its forge"):
        ledger.append("churn", 2, b"two", {}, sha256(b"one"))


def test_the_ledger_of_a_folder_without_a_repository_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="decisions are kept in a repository of git, and there is none here"):
        ledger_of(None, os.environ, str(tmp_path / "mlci.yml"))


def test_the_ledger_of_a_folder_of_a_repository_is_that_of_the_repository(project: Path) -> None:
    (project / "models" / "churn").mkdir(parents=True)
    fill(ledger_of(None, os.environ, str(project / "models" / "churn" / "mlci.yml")), "churn", [b"one"])

    assert list(ledger_of(None, os.environ, str(project / "mlci.yml")).models()) == ["churn"]


# GitLab.


def quick() -> Clock:
    return Clock(sleep=lambda _: None)


def watched(folder: Path) -> tuple[dict[str, str], Path]:
    """A git before the real one that writes down its words and its environment."""
    folder.mkdir()
    log, program = folder / "log", folder / "git"
    real = next(str(Path(one, "git")) for one in os.environ["PATH"].split(":") if Path(one, "git").exists())
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {log}\nexec {real} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}, log


def test_a_push_uses_neither_settings_nor_credentials_of_the_user_and_shows_its_token_to_nobody(
    gitlab: GitLab, tmp_path: Path
) -> None:
    gitlab.add_project()
    token, marks = gitlab.token(role="developer"), tmp_path / "marks"
    home = hostile_home(tmp_path / "home", marks)["HOME"]
    with Path(home, ".gitconfig").open("a") as settings:
        settings.write(f'[url "http://127.0.0.1:9/"]\n\tinsteadOf = {gitlab.server_url}/\n')
    path, log = watched(tmp_path / "bin")

    fill(gitlab_ledger({**environ_of(gitlab, token), "HOME": home, **path}, clock=quick()), "churn", [b"one", b"two"])

    assert not marks.exists()
    assert " push " in log.read_text()
    assert token not in log.read_text()
    assert all(token not in each.path for each in gitlab.requests)
    # No pipeline starts for the ledger's own commits.
    options = (gitlab.project().objects.folder / "push-options").read_text().split()
    assert options == ["ci.skip"] * 2


def test_the_token_of_a_job_reads_and_is_not_tried_for_more(gitlab: GitLab) -> None:
    gitlab.add_project()
    fill(gitlab_ledger(environ_of(gitlab, gitlab.token(role="developer"))), "churn", [b"one"])
    ledger = gitlab_ledger(environ_of(gitlab), clock=quick())

    assert list(ledger.entries("churn")) == [(1, b"one")]
    asked = len(gitlab.requests)
    with pytest.raises(
        ServiceRefused, match="nothing can be pushed to mlci/ledger without a token that may"
    ) as refused:
        ledger.append("churn", 2, b"two", {}, sha256(b"one"))
    assert "set MLCI_TOKEN to a project access token" in str(refused.value)
    assert len(gitlab.requests) == asked


@pytest.mark.parametrize(
    ("role", "scopes", "said"),
    [
        ("reporter", ("api",), "403"),
        ("developer", ("read_repository",), "403"),
        ("guest", ("api",), "project you were looking for|404|not found"),
    ],
)
def test_a_token_that_may_not_push_is_told_so(gitlab: GitLab, role: str, scopes: tuple[str, ...], said: str) -> None:
    gitlab.add_project(visibility="private")
    ledger = gitlab_ledger(environ_of(gitlab, gitlab.token(role=role, scopes=scopes)), clock=quick())

    with pytest.raises(ServiceRefused, match=said) as refused:
        ledger.append("churn", 1, b"one", {}, None)
    assert "set MLCI_TOKEN to a project access token" in str(refused.value)


def test_a_protected_branch_refuses_with_the_words_of_gitlab_and_without_the_token(gitlab: GitLab) -> None:
    gitlab.add_project()
    gitlab.protect("mlci/ledger", push="maintainer")
    token = gitlab.token(role="developer")

    with pytest.raises(ServiceRefused, match="not allowed to push code to protected branches") as refused:
        gitlab_ledger(environ_of(gitlab, token), clock=quick()).append("churn", 1, b"one", {}, None)
    assert token not in str(refused.value)

    maintainer = environ_of(gitlab, gitlab.token(role="maintainer"))
    fill(gitlab_ledger(maintainer, clock=quick()), "churn", [b"one"])


def test_a_token_that_nobody_knows_is_refused_and_not_shown(gitlab: GitLab) -> None:
    gitlab.add_project(visibility="private")

    with pytest.raises(ServiceRefused) as refused:
        gitlab_ledger(environ_of(gitlab, "glpat-unknown-to-all"), clock=quick()).head("churn")
    assert "glpat-unknown-to-all" not in str(refused.value)


def test_what_a_push_leaves_on_this_machine_goes_with_it(
    gitlab: GitLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gitlab.add_project()
    ledger = gitlab_ledger(environ_of(gitlab, gitlab.token(role="developer")))
    fill(ledger, "churn", [b"one"])
    assert any(each.name.startswith("mlci-ledger-") for each in tmp_path.iterdir())

    del ledger

    assert not any(each.name.startswith("mlci-ledger-") for each in tmp_path.iterdir())
