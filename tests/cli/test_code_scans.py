"""The scans of code-ci and its smoke training, as a user starts them."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
from pathlib import Path

import pytest
from cli.test_code_ci import Done, repository

BAD = b"cos\nsystem\n(S'touch canary'\ntR."
TOKEN = "ghp_" + "a1B2" * 9


def test_model_files_are_scanned_where_nobody_says_anything(tmp_path: Path) -> None:
    files = {
        "mlci.yml": "model: churn\ncode: {checks: {one: 'true'}}\n",
        "models/good.pkl": pickle.dumps({"a": [1]}), "models/picture.jpg": BAD, "odd\udcff.pkl": BAD,
    }  # fmt: skip
    done = Done(repository(tmp_path, files))
    assert done.code == 11, done.err
    found = done.findings["scan:models:models/picture.jpg"]
    assert (found["verdict"], found["reason"], found["file"]) == ("fail", "hostile", "models/picture.jpg")
    assert "os.system" in found["message"]
    assert len([one for one in done.findings if one.startswith("scan:models:odd")]) == 1
    assert "scan:models:models/good.pkl" not in done.findings
    assert ["models/good.pkl", "pickle", "clean"] in done.report["sections"][-1]["rows"]
    assert not (tmp_path / "canary").exists()


def test_clean_models_and_no_models_pass(tmp_path: Path) -> None:
    files = {"mlci.yml": "code: {checks: {one: 'true'}}\n", "good.pkl": pickle.dumps({"a": [1]})}
    done = Done(repository(tmp_path, files))
    assert (done.code, done.findings["scan:models"]["verdict"]) == (0, "pass"), done.err
    assert "1 of 2 files load as models" in done.findings["scan:models"]["message"]


def test_what_cannot_be_walked_is_no_pass(tmp_path: Path) -> None:
    files = {"mlci.yml": "code: {checks: {one: 'true'}}\n", "cut.pkl": pickle.dumps(list(range(99)))[:-20]}
    done = Done(repository(tmp_path, files))
    found = done.findings["scan:models:cut.pkl"]
    assert (done.code, found["verdict"], found["reason"]) == (3, "inconclusive", "unreadable")


def test_patterns_leave_files_out_and_that_is_said(tmp_path: Path) -> None:
    files = {"mlci.yml": "code: {checks: {one: 'true'}, scan: {ignore: ['data/**']}}\n", "data/bad.pkl": BAD}
    done = Done(repository(tmp_path, files))
    assert done.code == 0, done.err
    assert "1 were left out by code.scan.ignore" in done.findings["scan:models"]["message"]


def test_a_change_cannot_leave_its_own_files_out(tmp_path: Path) -> None:
    """As it would run for a change on this machine's own repository: the patterns are the base's."""
    from mlci.config.load import load_text
    from mlci.config.ownership import composed

    head = load_text(b"code: {scan: {ignore: ['**'], models: false}}\n", "head", {})
    base = load_text(b"code: {scan: {ignore: ['data/**']}}\n", "base", {})
    both = composed(head, base)
    assert {one.key for one in both.changed} == {"code.scan.ignore", "code.scan.models"}


def test_what_a_fork_leaves_out_is_looked_through_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cli.running import proposed

    from mlci.cli.main import run

    own = "code: {checks: {one: 'true'}, scan: {ignore: ['**'], models: false}}\n"
    repository(tmp_path, {"mlci.yml": own, "bad.pkl": BAD, "data/known.pkl": BAD})
    monkeypatch.chdir(tmp_path)
    base = "code: {checks: {two: 'false'}, scan: {ignore: ['data/**']}}\n"
    proposed(base, own=own, fork=True).entered(monkeypatch, "code_ci")
    assert run(("code-ci",), {"PATH": os.environ["PATH"], "GITHUB_WORKSPACE": str(tmp_path)}) == 11
    found = {one["id"] for one in json.loads((tmp_path / ".mlci/report/code-ci.json").read_text())["findings"]}
    assert {"code:one", "scan:models:bad.pkl", "policy:gate-changed"} <= found
    assert not {"code:two", "scan:models:data/known.pkl"} & found


def test_credentials_are_named_by_place_and_kind_and_never_shown(tmp_path: Path) -> None:
    files = {
        "mlci.yml": "code: {checks: {one: 'true'}, scan: {secrets: true, models: false}}\n",
        "src/a.py": f"x = 1\nkey = '{TOKEN}'\n",
    }
    done = Done(repository(tmp_path, files))
    assert done.code == 11, done.err
    found = done.findings["scan:secrets:src/a.py:2:GitHub Token"]
    assert (found["reason"], found["file"], found["line"]) == ("secret", "src/a.py", 2)
    written = [one.read_text(errors="replace") for one in (tmp_path / ".mlci").rglob("*") if one.is_file()]
    assert all(TOKEN not in text for text in (*written, done.out, done.err))


def test_no_credentials_is_a_pass(tmp_path: Path) -> None:
    files = {"mlci.yml": "code: {scan: {secrets: true, models: false}}\n", "a.py": "password = 'x'\n"}
    done = Done(repository(tmp_path, files))
    assert (done.code, done.findings["scan:secrets"]["verdict"]) == (0, "pass"), done.err


def test_without_the_library_secrets_could_not_be_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlci.cli import code_scans
    from mlci.cli.main import run

    repository(tmp_path, {"mlci.yml": "code: {checks: {one: 'true'}, scan: {secrets: true, models: false}}\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(code_scans, "_is_there", lambda _: False)
    assert run(("code-ci",), {"PATH": os.environ["PATH"]}) == 3
    assert 'pip install "mlci[secrets]"' in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "code", "verdict"), [("true", 0, "pass"), ("exit 1", 11, "fail"), ("no-such", 3, "inconclusive")]
)
def test_dependencies_are_judged_by_the_exit_of_a_command(
    tmp_path: Path, command: str, code: int, verdict: str
) -> None:
    text = f"code: {{checks: {{one: 'true'}}, scan: {{models: false, dependencies: {json.dumps(command)}}}}}\n"
    done = Done(repository(tmp_path, {"mlci.yml": text}))
    assert (done.code, done.findings["scan:dependencies"]["verdict"]) == (code, verdict), done.err


def test_a_scan_that_the_budget_ends_is_no_pass(tmp_path: Path) -> None:
    text = "code: {budget: 2s, jobs: 1, checks: {one: sleep 60}}\n"
    done = Done(repository(tmp_path, {"mlci.yml": text, "bad.pkl": BAD}))
    found = done.findings["scan:models"]
    assert (done.code, found["verdict"], found["reason"]) == (3, "inconclusive", "over-budget")


TRAIN = """
import os, pathlib, sys
out = pathlib.Path(os.environ["MLCI_TRAIN_OUTPUT"])
assert os.environ["MLCI_TRAIN_SAMPLE"] == "0.02", os.environ["MLCI_TRAIN_SAMPLE"]
assert os.environ["MLCI_TRAIN_DEVICE"] == "cpu" and os.environ["CUDA_VISIBLE_DEVICES"] == ""
assert os.environ["MLFLOW_TRACKING_URI"].startswith("file:")
pathlib.Path("trained").write_text(str(out))
(out / "model.pkl").write_bytes(b"x")
"""


def smoke(train: str, profile: str = "{sample: 0.02, timeout: 20s}") -> dict[str, str]:
    text = f"""
model: churn
code: {{smoke: small, checks: {{one: 'true'}}, scan: {{models: false}}}}
train: {{command: python train.py, profiles: {{small: {profile}}}}}
"""
    return {"mlci.yml": text, "train.py": train}


def test_smoke_training_runs_on_a_part_of_the_data_and_keeps_nothing(tmp_path: Path) -> None:
    done = Done(
        repository(tmp_path, smoke(TRAIN)), MLFLOW_TRACKING_URI="https://registry.invalid", CUDA_VISIBLE_DEVICES="0"
    )
    assert (done.code, done.findings["code:smoke"]["verdict"]) == (0, "pass"), done.err
    assert "2 % of the data" in done.findings["code:smoke"]["message"].replace("\u00a0", " ")
    assert not Path((tmp_path / "trained").read_text()).exists()
    assert not (tmp_path / ".mlci/mlflow.db").exists()


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ("raise ValueError('no such column')", "no such column"),
        ("pass", "left no model"),
        ("import time; time.sleep(60)", "took longer than it may"),
        ("raise MemoryError", "for want of memory"),
    ],
)
def test_smoke_training_that_fails_says_why(tmp_path: Path, train: str, said: str) -> None:
    done = Done(repository(tmp_path, smoke(train, "{sample: 0.02, timeout: 2s}")))
    found = done.findings["code:smoke"]
    assert (done.code, found["verdict"]) == (11, "fail"), done.err
    assert said in found["message"], found


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("code: {smoke: other}\ntrain: {command: 'true', profiles: {small: {sample: 0.1}}}\n", "U001"),
        ("code: {smoke: small}\ntrain: {command: 'true', profiles: {small: {timeout: 3s}}}\n", "C008"),
        ("code: {smoke: small}\ntrain: {profiles: {small: {sample: 0.1}}}\n", "C007"),
        ("code: {checks: {one: 'true'}, scan: {ignore: ['../..']}}\n", "C004"),
    ],
)
def test_what_would_train_for_real_or_cannot_be_is_refused(tmp_path: Path, text: str, error: str) -> None:
    done = Done(repository(tmp_path, {"mlci.yml": text}))
    assert (done.code, f"error[{error}]" in done.err) == (2, True), done.err


def test_a_submodule_is_looked_through(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"bad.pkl": BAD})
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "protocol.file.allow=always")
    subprocess.run(("git", *identity, "add", "-A"), cwd=inner, check=True)
    subprocess.run(("git", *identity, "commit", "-qm", "x"), cwd=inner, check=True)
    outer = repository(tmp_path / "outer", {"mlci.yml": "code: {checks: {one: 'true'}}\n"})
    subprocess.run(("git", *identity, "submodule", "--quiet", "add", str(inner), "sub"), cwd=outer, check=True)
    done = Done(outer)
    assert (done.code, "scan:models:sub/bad.pkl" in done.findings) == (11, True), done.findings
