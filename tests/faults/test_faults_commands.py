"""What a command of the user's can do wrong: one clear error with code 14, a report that says it, and nothing else."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from cli.chain import Repository

from faults.chained import Forks, asked, copy_of, left_over, lies, versions
from mlci.errors import Exit

# The whole walk takes some minutes; by default a sample is tried.
ALL = os.environ.get("MLCI_FAULTS") == "all"
SECRET = "s3cr3t-of-the-runner"
OUTPUT = 'os.path.join(os.environ["MLCI_TRAIN_OUTPUT"], {!r})'
WRITE = "open(" + OUTPUT + ', "wb").write({!r})\n'

# A name, what training does, and what is said of it: the id, and words of the error.
FAULTS = {
    "exit status": ('print("no such column: miles")\nsys.exit(3)', "T001", "exit status 3"),
    "exception": ('raise MemoryError("no room for 3 GiB")', "T003", "ran out of memory"),
    "killed": ("os.kill(os.getpid(), 9)", "T003", "as the system ends what takes too much memory"),
    "nothing": ("", "T004", ""),
    "two models": (WRITE.format("a.pkl", b"1") + WRITE.format("b.onnx", b"2"), "T004", "a.pkl"),
    "no model": (WRITE.format("model.pkl", b"this is no pickle"), "T005", "could not be loaded"),
    "half a pickle": (WRITE.format("model.pkl", b"\x80\x04\x95\xff\xff"), "T005", ""),
    "module": (WRITE.format("model.pkl", b"cno_such_module\nModel\n."), "T005", "needs the module no_such_module"),
    "commands": (
        f'print("::set-output name=verdict::pass")\nprint("::error::{SECRET}")\nsys.exit(1)', "T001", "exit status 1",
    ),
}  # fmt: skip


def faulty(found: Repository, body: str) -> None:
    (found.folder / "train.py").write_text(f"import os, sys\nprint('the last words')\n{body}\n")


@pytest.mark.parametrize("name", FAULTS)
def test_a_command_that_fails_is_one_clear_error_and_leaves_no_evidence(
    copied: Repository, forks: Forks, name: str
) -> None:
    body, id, words = FAULTS[name]
    faulty(copied, body)
    (copied.folder / ".mlci" / "comment.md").write_text("what an earlier run would have posted")
    ended = forks.run(copied.folder, MLFLOW_TRACKING_TOKEN=SECRET)
    report = copied.report("model-ci")

    assert ended.status == Exit.COMMAND
    assert re.findall(r"^error\[(\w+)\]", ended.said, re.MULTILINE) == [id]
    assert words in ended.said.partition("error[")[2]
    assert report["reason"] in ended.said
    assert (report["verdict"], report["findings"][0]["id"], report["evidence"]) == ("inconclusive", f"input:{id}", {})
    if id in ("T001", "T003"):
        assert "the last words" in ended.said.partition("error[")[2]
        assert "the last words" in report["findings"][0]["explanation"]
    assert SECRET not in "".join(path.read_text() for path in (copied.folder / ".mlci" / "report").iterdir())
    assert [*(copied.folder / ".mlci" / "evidence").iterdir()] == []
    assert not (copied.folder / ".mlci" / "report" / "gate-compare.json").exists()
    assert not (copied.folder / ".mlci" / "comment.md").exists()
    assert (lies(copied), left_over(copied), versions(copied)) == ([], [], [1])
    assert asked(copied, "select count(*) from runs") == [(1,)]


def test_a_command_that_takes_too_long_is_stopped_and_said_to_be(fresh: Repository, forks: Forks) -> None:
    config = fresh.folder / "mlci.yml"
    config.write_text(config.read_text().replace("seed: 3", "seed: 3, timeout: 1s"))
    faulty(fresh, "import time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)")
    ended = forks.run(fresh.folder)

    assert ended.status == Exit.COMMAND
    assert re.search(
        r"^error\[T002\]: training took longer than the .* it may and was stopped$", ended.said, re.MULTILINE
    )
    assert fresh.report("model-ci")["findings"][0]["id"] == "input:T002"
    assert not Path("/proc", (fresh.folder / "pid").read_text()).exists()


def test_what_training_prints_is_no_command_to_a_runner(fresh: Repository, forks: Forks, tmp_path: Path) -> None:
    payload = tmp_path / "event.json"
    payload.write_text(json.dumps({"repository": {"default_branch": "main", "full_name": "owner/repository"}}))
    faulty(fresh, FAULTS["commands"][0])
    ended = forks.run(
        fresh.folder, "model-ci", "--register", "false",
        GITHUB_ACTIONS="true", GITHUB_API_URL="http://127.0.0.1:1", GITHUB_EVENT_NAME="push",
        GITHUB_EVENT_PATH=str(payload), GITHUB_OUTPUT=str(tmp_path / "outputs"), GITHUB_REF="refs/heads/main",
        GITHUB_REPOSITORY="owner/repository", GITHUB_RUN_ID="1", GITHUB_SERVER_URL="https://forge.invalid",
        GITHUB_SHA="a" * 40, GITHUB_STEP_SUMMARY=str(tmp_path / "summary"), MLFLOW_TRACKING_TOKEN=SECRET,
    )  # fmt: skip

    assert ended.status == Exit.COMMAND
    stopped = re.search(r"::stop-commands::(\w+)\n(.*)\n::\1::\n", ended.said, re.DOTALL)
    assert stopped is not None
    assert "::set-output" in stopped[2]
    rest = ended.said.replace(stopped[0], "")
    assert not re.search(r"^\s*::(?:set-output|error::)", rest, re.MULTILINE)
    assert SECRET not in rest
    assert "verdict=pass" not in (tmp_path / "outputs").read_text()


TOKENS = ("GITHUB_TOKEN", "MLCI_TOKEN", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY")
LOOKING = """
import json, os, time
from model import Threshold
found = dict(os.environ)
found["proc"] = open("/proc/self/environ", errors="replace").read() if os.path.exists("/proc/self") else ""
parent = f"/proc/{os.getppid()}/environ"
found["parent"] = open(parent, errors="replace").read() if os.path.exists(parent) else ""
json.dump(found, open("found-%s.json" % NAME, "w"))
for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"):
    if name in os.environ:
        open(os.environ[name], "a").write("verdict=pass")
"""


def test_neither_training_nor_the_model_sees_a_token_or_the_files_of_the_runner(
    fresh: Repository, forks: Forks, tmp_path: Path
) -> None:
    # Once as the training script, once as the module of the model, which scoring imports.
    for name in ("train", "model"):
        script = fresh.folder / f"{name}.py"
        looking = LOOKING.replace("from model import Threshold\n", "").replace("NAME", repr(name))
        script.write_text(looking + script.read_text())
    tokens = {name: f"value-of-{name.lower()}" for name in TOKENS}
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
    copies = {"MY_COPY": tokens["GITHUB_TOKEN"], "WITHIN": f"https://x:{tokens['MLCI_TOKEN']}@forge.invalid/"}
    ended = forks.run(fresh.folder, "model-ci", "--register", "false", **tokens, **files, **copies)

    assert ended.status == 0
    for name in ("train", "model"):
        seen = (fresh.folder / f"found-{name}.json").read_text()
        assert "PATH" in json.loads(seen)
        assert [token for token in tokens.values() if token in seen] == []
        assert [file for file in files if file in json.loads(seen)] == []
    assert [file for file in files.values() if Path(file).exists()] == []


def test_a_disk_that_is_full_from_any_write_on_is_one_clear_error_and_nothing_is_half(
    second: Repository, forks: Forks, tmp_path: Path
) -> None:
    undisturbed = copy_of(second, tmp_path / "undisturbed")
    names = [name for name in dict.fromkeys(forks.run(undisturbed.folder).events) if "…" not in name]
    opened, renamed = ([name for name in names if name.startswith(kind)] for kind in ("open", "os.rename"))
    wrong = {}
    for moment in (*opened, *renamed) if ALL else (opened[0], *opened[5::30], *renamed[3::8]):
        found = copy_of(second, tmp_path / "full")
        ended = forks.run(found.folder, at=moment, full=True)
        errors = re.findall(r"^error\[(\w+)\]", ended.said, re.MULTILINE)
        after = [*lies(found), *hidden(found)]
        if (ended.status, errors) not in ((2, ["U005"]), (4, ["S001"])) or after:
            wrong[moment] = (ended.status, errors, after, ended.said[-500:])
        elif forks.run(found.folder).status != 0 or versions(found) != [1, 2]:
            wrong[moment] = ("again", versions(found))

    assert wrong == {}


def hidden(found: Repository) -> list[str]:
    """Files and folders that are only there while something is written."""
    names = (path.relative_to(found.folder) for path in found.folder.rglob(".*") if ".git" not in str(path))
    return [str(name) for name in names if str(name) != ".mlci"]
