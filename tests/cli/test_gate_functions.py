"""Metrics that are functions of the user's: by whose code they are measured, and judged like any other."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli.running import SILENT, World, proposed
from repositories import Checkout

from mlci.adapters.evidence.gate import read_gate
from mlci.cli.main import run
from mlci.config.load import load_text
from mlci.config.policy import gate_policy
from mlci.config.resolve import resolve
from mlci.domain.policy import GatePolicy
from mlci.domain.verdict import Verdict
from mlci.errors import ArtifactRefused
from mlci.steps.judging import judge

JUDGE = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv", *SILENT)
PROFIT = """
def profit(y, pred, score, weight):
    return 1 + float((weight * (2 * (y == pred) - 1)).sum() / weight.sum())
"""
POLICY = f"""
model: churn
train: {{python: {sys.executable}}}
evaluate: {{slices: [region]}}
validation:
  metrics:
    profit: {{call: "gate/metrics.py:profit", better: higher, tolerance: 0.05}}
"""


def predictions(wrong: int, n: int = 600) -> str:
    rows = (f"e{row},{row % 2},{row % 2 ^ (row < wrong)},r{row % 3}" for row in range(n))
    return "\n".join(("id,y,pred,region", *rows)) + "\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text(predictions(60))
    Path("b.csv").write_text(predictions(57))
    Path("gate").mkdir()
    Path("gate/metrics.py").write_text(PROFIT)
    Path("mlci.yml").write_text(POLICY)


def findings() -> dict[str, dict[str, Any]]:
    report = json.loads(Path(".mlci/report/gate-compare.json").read_text())
    return {found["id"]: found for found in report["findings"]}


def policy() -> GatePolicy:
    return gate_policy(resolve(load_text(POLICY.encode(), "mlci.yml", {}), ()).config, baseline_given=True)


def test_a_function_is_judged_with_the_error_of_its_blocks_on_all_examples_and_on_slices() -> None:
    Path("mlci.yml").write_text(POLICY + "    accuracy: {tolerance: 0.025}\n")
    assert run(JUDGE, {}) == 0
    found = findings()
    profit, accuracy = found["compare:profit"], found["compare:accuracy"]
    # The function is an affine one of accuracy, and so are its difference and error.
    assert profit["difference"] == pytest.approx(2 * accuracy["difference"])
    assert profit["standard_error"] == pytest.approx(2 * accuracy["standard_error"], rel=0.25)
    assert profit["method"] == "delete-block jackknife (100 blocks), t"
    assert {name for name in found if name.startswith("compare:profit[")} == {
        f"compare:profit[region=r{number}]" for number in range(3)
    }


def test_a_loss_beyond_the_tolerance_that_blocks_show_is_a_failure() -> None:
    Path("c.csv").write_text(predictions(160))
    assert run(JUDGE, {}) == 11
    assert findings()["compare:profit"]["reason"] == "regression"


def test_evidence_is_judged_again_without_any_function() -> None:
    run(JUDGE, {})
    Path("gate/metrics.py").unlink()
    numbers = read_gate(Path(".mlci/evidence/gate.json").read_bytes(), "e").numbers
    again = {found.id: found for found in judge(numbers, policy()).findings}
    assert again["compare:profit"].interval == pytest.approx(findings()["compare:profit"]["interval"])
    # Numbers of another function are none of the one that policy names.
    other = gate_policy(resolve(load_text(POLICY.replace(":profit", ":revenue").encode(), "mlci.yml", {}), ()).config)
    assert [found.reason for found in judge(numbers, other).findings][:1] == ["missing"]


@pytest.mark.parametrize(("field", "value"), [("blocks", 50), ("gained", 1), ("size", 600.0), ("blocks", None)])
def test_numbers_that_no_function_gives_are_refused(field: str, value: Any) -> None:
    run(JUDGE, {})
    evidence = json.loads(Path(".mlci/evidence/gate.json").read_bytes())
    evidence["predicate"]["statistics"][0][field] = value
    with pytest.raises(ArtifactRefused):
        read_gate(json.dumps(evidence).encode(), "e")


@pytest.mark.parametrize(("code", "cause"), [
    ("def profit(y, pred, score, weight):\n    return y.nothing\n", "AttributeError"),
    ("def profit(y, pred):\n    return 0.0\n", "TypeError"),
    ("def profit(y, pred, score, weight):\n    return 'much'\n", "ValueError"),
    ("import nothing_of_the_kind\n", "its file cannot be loaded: ModuleNotFoundError"),
    ("def loss(): pass\n", "its file has no function profit"),
    ("import os\ndef profit(*_):\n    os._exit(0)\n", "left no answer"),
    ("import os\ndef profit(*_):\n    os._exit(3)\n", "exit status 3"),
    ("def profit(*_):\n    raise SystemExit('enough')\n", "SystemExit: enough"),
])  # fmt: skip
def test_what_a_function_does_wrong_is_its_own_exit(code: str, cause: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("gate/metrics.py").write_text(code)
    assert run(JUDGE, {}) == 14
    said = capsys.readouterr().err
    assert cause in said
    assert len(said) < 6000


def test_a_function_that_gives_no_number_leaves_nothing_to_judge() -> None:
    Path("gate/metrics.py").write_text("def profit(y, pred, score, weight):\n    return float('nan')\n")
    assert run(JUDGE, {}) == 3
    assert "gives no finite number" in findings()["compare:profit"]["message"]


def test_a_function_gets_no_secret() -> None:
    code = "import os\ndef profit(*_):\n    return 1.0 if 'GITHUB_TOKEN' in os.environ else 2.0\n"
    Path("gate/metrics.py").write_text(code)
    run(JUDGE, {"GITHUB_TOKEN": "ghs_0123456789abcdef"})
    assert findings()["compare:profit"]["candidate"] == 2.0


def change(own: str, monkeypatch: pytest.MonkeyPatch, policy: str = POLICY, before: str = POLICY) -> World:
    """A pull request that proposes this metrics.py and this mlci.yml."""
    world = proposed(before)
    commits = world.memory.commits
    common = {"train.py": b"1"}
    base = commits.commit({**common, "mlci.yml": before.encode(), "gate/metrics.py": PROFIT.encode()})
    commits.branches["main"] = base
    head = commits.commit({**common, "mlci.yml": policy.encode(), "gate/metrics.py": own.encode()}, base)
    assert world.run.change is not None
    moved = replace(world, base=base, head=head)
    moved = moved.later(change=replace(world.run.change, base=base, head=head), commit=head)
    Path("gate/metrics.py").write_text(own)
    Path("mlci.yml").write_text(policy)
    return moved.entered(monkeypatch)


def test_a_change_does_not_say_what_it_is_measured_by(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.csv").write_text(predictions(160))
    flattering = "def profit(y, pred, score, weight):\n    open('called', 'w').close()\n    return 9.0\n"
    python = Path("python.sh")
    python.write_text("#!/bin/sh\ntouch called\n")
    python.chmod(0o755)
    world = change(flattering, monkeypatch, POLICY.replace(sys.executable, "./python.sh"))
    assert run(JUDGE, world.environ) == 11
    found = findings()
    assert found["compare:profit"]["verdict"] == Verdict.FAIL.value
    assert not Path("called").exists()
    assert "validation.metrics.profit.call from gate/metrics.py (sha256" in found["policy:gate-changed"]["message"]


def test_a_change_that_leaves_the_function_alone_changes_no_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(JUDGE, change(PROFIT, monkeypatch).environ) == 0
    assert "policy:gate-changed" not in findings()


@pytest.mark.parametrize(("committed", "exit"), [("python.sh", 2), (".venv/lib/site.py", 2), ("train.py", 0)])
def test_an_interpreter_that_a_change_may_bring_measures_nothing(
    committed: str, exit: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "./python.sh" if committed == "python.sh" else ".venv/bin/python"
    relative = POLICY.replace(sys.executable, name)
    world = change(PROFIT, monkeypatch, relative, relative)
    checkout = Checkout.__new__(Checkout)
    checkout.folder = Path.cwd()
    checkout.git("init", "-q")
    checkout.write({committed: "#!/bin/sh\ntouch called\n"})
    checkout.git("add", "-f", committed)
    checkout.git("commit", "-qm", "x")
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    if not Path(name).exists():
        Path(name).symlink_to(sys.executable)
    assert run(JUDGE, world.environ) == exit
    assert ("where the change may have put it" in capsys.readouterr().err) is (exit == 2)
