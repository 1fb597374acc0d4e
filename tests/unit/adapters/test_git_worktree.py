"""The entries of a work tree: the same files give the same entries, whatever git has been told of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from repositories import Checkout

from mlci.adapters.git.repository import Repository
from mlci.errors import FileMissing


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_the_same_files_give_the_same_entries_untracked_staged_and_committed(checkout: Checkout) -> None:
    checkout.write({"train.py": "a\n", "src/old.py": "b\n"}).commit()
    checkout.write({"train.py": "changed\n", "src/new.py": "b\n", 'odd "name\n\\.py': "x", "src/run.sh": "#!/bin/sh\n"})
    (checkout.folder / "src/old.py").unlink()
    (checkout.folder / "src/run.sh").chmod(0o755)
    (checkout.folder / "link").symlink_to("src/new.py")
    checkout.write_bytes(b"caf\xe9.py", b"latin")

    unstaged = checkout.repository.entries()
    checkout.git("add", "-A")
    staged = checkout.repository.entries()
    checkout.commit()

    assert unstaged == staged == checkout.repository.entries() == checkout.repository.committed(checkout.head)
    assert unstaged["src/run.sh"][0] == "100755"
    assert unstaged["link"][0] == "120000"
    assert set(unstaged) == {
        "train.py", "src/new.py", 'odd "name\n\\.py', "src/run.sh", "link", os.fsdecode(b"caf\xe9.py"),
    }  # fmt: skip


def test_dirty_is_what_the_commit_does_not_hold(checkout: Checkout) -> None:
    repository = checkout.repository
    assert repository.commit() is None
    checkout.write({"train.py": "a\n", ".gitignore": "ignored\n"})
    assert repository.dirty()
    checkout.commit()
    assert not repository.dirty()

    left = (".mlci/x", "mlci-model/m", "a/mlci-keep/x", "mlci-data/data.json", "src/__pycache__/x")
    checkout.write({"ignored": "x", **dict.fromkeys(left, "x")})
    assert not set(left) & set(repository.entries()), "nor is it an input of anything"
    assert not repository.dirty()
    os.utime(checkout.folder / "train.py", (1, 1))
    assert not repository.dirty(), "a file that only looks changed is not"

    checkout.git("add", "-f", ".mlci/x")
    checkout.git("commit", "-qm", "x")
    checkout.write({".mlci/x": "y"})
    assert not repository.dirty()
    checkout.git("add", "-A", ".mlci/x")
    assert not repository.dirty()

    checkout.write({"new.py": "x"})
    assert repository.dirty()
    assert not repository.dirty(lambda path: path != "new.py")
    checkout.write({"train.py": "b\n"})
    assert repository.dirty(lambda _: False), "a tracked file counts whatever it is"
    checkout.git("add", "train.py")
    assert repository.dirty(lambda _: False)
    checkout.git("commit", "-qm", "x")
    (checkout.folder / "train.py").unlink()
    assert repository.dirty(lambda _: False)


def test_what_tools_and_virtual_environments_leave_is_no_input(checkout: Checkout) -> None:
    checkout.write({"train.py": "a", "env/pyvenv.cfg": "home = /x", "env/lib/site.py": "x", "__pycache__/a.pyc": "x"})
    checkout.write({".mlci/models/x": "x", "mlruns/0/meta.yaml": "x", "environment/x.py": "x"})

    assert set(checkout.repository.entries()) == {"train.py", "environment/x.py"}


def test_files_that_do_not_count_are_not_even_read(checkout: Checkout) -> None:
    checkout.write({"train.py": "a"}).commit()
    checkout.write({"train.py": "b", "huge.bin": "x"})
    seen = checkout.repository.entries(lambda path: path == "train.py")

    assert set(seen) == {"train.py"}


def test_a_file_that_git_was_told_not_to_look_at_is_looked_at(checkout: Checkout) -> None:
    checkout.write({"train.py": "a\n", "src/b.py": "b\n"}).commit()
    clean = checkout.repository.entries()
    checkout.git("update-index", "--assume-unchanged", "train.py")
    checkout.write({"train.py": "b\n"})

    assert checkout.repository.dirty()
    assert checkout.repository.entries() != clean

    checkout.write({"train.py": "a\n"})
    checkout.git("update-index", "--skip-worktree", "src/b.py")
    assert not checkout.repository.dirty()
    (checkout.folder / "src/b.py").unlink()
    assert not checkout.repository.dirty(), "a sparse checkout is not dirty"
    assert "src/b.py" not in checkout.repository.entries(), "but training cannot read what is not there"
    checkout.write({"src/b.py": "other\n"})
    assert checkout.repository.dirty()


def test_line_ends_count_as_git_stores_them(checkout: Checkout) -> None:
    checkout.write({".gitattributes": "*.py text\n", "train.py": "a\nb\n"}).commit()
    clean = checkout.repository.entries()
    checkout.write_bytes(b"train.py", b"a\r\nb\r\n")

    assert checkout.repository.entries() == clean
    assert not checkout.repository.dirty()


def test_line_ends_that_git_leaves_alone_stay_the_same_file_however_often_it_is_touched(checkout: Checkout) -> None:
    checkout.write({"train.py": "a\r\n"}).commit()
    checkout.write({".gitattributes": "* text=auto\n"}).commit()
    clean = checkout.repository.entries()
    os.utime(checkout.folder / "train.py", (1, 1))

    assert checkout.repository.entries() == clean
    assert not checkout.repository.dirty()


def test_a_file_written_twice_within_a_tick_is_still_found_out(checkout: Checkout) -> None:
    checkout.git("config", "core.trustctime", "false")
    checkout.write({"train.py": "a\n"})
    file, index, tick = checkout.folder / "train.py", checkout.folder / ".git/index", (10**9, 10**9)
    os.utime(file, tick)
    checkout.commit()
    before = checkout.repository.entries()
    checkout.write({"train.py": "b\n"})
    for path in (file, index):
        os.utime(path, tick)

    assert checkout.repository.entries() != before
    assert checkout.repository.dirty()


def test_a_submodule_is_its_commit_and_what_differs_from_that(checkout: Checkout, tmp_path: Path) -> None:
    inner = Checkout(tmp_path / "inner").write({"a.py": "a"})
    inner.commit()
    checkout.write({"train.py": "a"})
    checkout.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.folder), "lib")
    checkout.commit()
    clean = checkout.repository.entries()
    assert clean["lib"] == ("160000", inner.head)
    assert not checkout.repository.dirty()

    (checkout.folder / "lib/a.py").write_text("b")
    altered = checkout.repository.entries()["lib"]
    assert checkout.repository.dirty()
    assert altered[1].startswith(f"{inner.head}+")
    (checkout.folder / "lib/a.py").write_text("c")
    assert checkout.repository.entries()["lib"] != altered

    (checkout.folder / "lib/a.py").write_text("a")
    assert checkout.repository.entries() == clean
    checkout.git("submodule", "deinit", "-f", "lib")
    assert checkout.repository.entries() == clean, "one that is not filled is the commit it stands for"


def test_a_pipe_in_the_place_of_a_file_is_no_file_and_waits_for_nobody(checkout: Checkout) -> None:
    checkout.write({"train.py": "a"}).commit()
    (checkout.folder / "train.py").unlink()
    os.mkfifo(checkout.folder / "train.py")

    assert checkout.repository.entries() == {}
    assert checkout.repository.dirty()


def test_a_folder_that_became_a_link_hides_what_lay_in_it(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write({"src/a.py": "a"}).commit()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.py").write_text("a")
    (checkout.folder / "src/a.py").unlink()
    (checkout.folder / "src").rmdir()
    (checkout.folder / "src").symlink_to(tmp_path / "elsewhere")

    assert {path: mode for path, (mode, _) in checkout.repository.entries().items()} == {"src": "120000"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_named(checkout: Checkout) -> None:
    checkout.write({"secret.py": "a"})
    (checkout.folder / "secret.py").chmod(0)

    with pytest.raises(FileMissing, match=r"secret\.py"):
        checkout.repository.entries()


def test_files_in_conflict_count_as_they_are_on_disk(checkout: Checkout) -> None:
    checkout.write({"train.py": "a\n"}).commit()
    checkout.git("checkout", "-qb", "other")
    checkout.write({"train.py": "b\n"}).commit()
    checkout.git("checkout", "-q", "main")
    checkout.write({"train.py": "c\n"}).commit()
    checkout.git("merge", "-q", "other", fails=True)
    conflicted = checkout.repository.entries()

    assert checkout.repository.dirty()
    checkout.git("add", "-A")
    assert checkout.repository.entries() == conflicted


def test_reading_leaves_the_index_and_its_date_as_they_were(checkout: Checkout) -> None:
    checkout.write({"train.py": "a\n"}).commit()
    os.utime(checkout.folder / "train.py", (1, 1))
    index = checkout.folder / ".git/index"
    before = (index.read_bytes(), index.stat().st_mtime_ns)

    checkout.repository.entries()
    checkout.repository.dirty()

    assert (index.read_bytes(), index.stat().st_mtime_ns) == before
    assert sorted(path.name for path in checkout.folder.iterdir()) == [".git", "train.py"]


def test_a_work_tree_beside_another_has_its_own_entries_and_commit(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write({"train.py": "a\n"}).commit()
    checkout.git("worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"))
    (tmp_path / "beside/train.py").write_text("b\n")
    beside = Repository.find(str(tmp_path / "beside"), os.environ)

    assert beside is not None
    assert beside.dirty()
    assert not checkout.repository.dirty()
    assert beside.commit() == checkout.head


def test_hooks_watchers_and_variables_of_git_change_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.write({"train.py": "a\n"}).commit()
    trap = checkout.folder.parent / "trap"
    program = checkout.folder.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch {trap}\n")
    program.chmod(0o755)
    for setting in ("core.fsmonitor", "diff.external", "core.pager", "core.sshCommand"):
        checkout.git("config", setting, str(program))
    hooks = checkout.folder / ".git/hooks/post-index-change"
    hooks.parent.mkdir(exist_ok=True)
    hooks.symlink_to(program)
    bare = checkout.folder.parent / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    monkeypatch.setenv("GIT_DIR", str(bare))
    monkeypatch.setenv("GIT_INDEX_FILE", str(trap))
    os.utime(checkout.folder / "train.py", (1, 1))

    repository = Repository.find(str(checkout.folder), os.environ)

    assert repository is not None
    assert repository.top == str(checkout.folder)
    assert set(repository.entries()) == {"train.py"}
    assert not repository.dirty()
    assert repository.tree(repository.commit() or "", str(checkout.folder.parent / "out"))
    assert not trap.exists()
