"""Killed at any moment: nothing half, nothing that lies, nothing left running, and the next run is as any other."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from cli.chain import Repository

from faults.chained import Forks, asked, awaited, copy_of, gone, left_over, lies, started, versions
from mlci.errors import Exit

# Where a kill would tell most. With MLCI_FAULTS=all every write is tried, which takes some minutes.
TELLING = (
    "open /.mlci/work/late-trips/train.log",
    "open /.mlci-model.*/environment.json",
    "os.rename /mlci-model",
    "os.rename /.mlci-model.*",
    "commit no. s",
    "os.rename /.mlci/evidence/.model.json.*",
    "os.rename /.mlci/evidence/.gate.json.*",
)

LINGERING = """
import json, os, signal, subprocess, sys, time
code = "import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(90)"
apart = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
pids = [os.getpid(), apart.pid, int(apart.stdout.readline())]
with open("pids.new", "w") as stream:
    json.dump(pids, stream)
os.rename("pids.new", "pids")
time.sleep(90)
"""


def moments(events: list[str]) -> list[str]:
    """Where to kill: each write goes by its name, so the same one twice counts once."""
    names = list(dict.fromkeys(event for event in events if "…" not in event))
    assert [name for name in TELLING if name not in names] == []
    return names if os.environ.get("MLCI_FAULTS") == "all" else list(TELLING)


def test_a_run_killed_before_any_write_leaves_nothing_half_and_the_next_is_as_any_other(
    second: Repository, forks: Forks, tmp_path: Path
) -> None:
    undisturbed = copy_of(second, tmp_path / "undisturbed")
    ended = forks.run(undisturbed.folder)
    assert ended.status == 0
    verdict = undisturbed.report("gate-compare")["verdict"]
    artifact = undisturbed.evidence("model")["artifact"]
    wrong = {}

    for moment in moments(ended.events):
        found = copy_of(second, tmp_path / "killed")
        killed = forks.run(found.folder, at=moment)
        after = lies(found)
        again = forks.run(found.folder)
        known = {
            "killed": killed.status, "lies": after, "again": again.status, "lies again": lies(found),
            "left over": left_over(found), "versions": versions(found), "dirty": None, "runs": None,
        }  # fmt: skip
        if again.status == 0:
            known["same"] = (
                found.report("gate-compare")["verdict"] == verdict and found.evidence("model")["artifact"] == artifact
            )
            known["dirty"] = found.evidence("model")["provenance"]["dirty"]
            known["runs"] = asked(found, "select status from runs where lifecycle_stage = 'active'")
        expected = {
            "killed": -signal.SIGKILL, "lies": [], "again": 0, "lies again": [], "left over": [], "versions": [1, 2],
            "dirty": False, "runs": [("FINISHED",)] * 2, "same": True,
        }  # fmt: skip
        if known != expected:
            wrong[moment] = {name: value for name, value in known.items() if value != expected.get(name)}

    assert wrong == {}


@pytest.mark.parametrize(("part", "group"), [("training", False), ("training", True), ("scoring", False)])
def test_nothing_of_the_users_outlives_a_kill(fresh: Repository, part: str, group: bool) -> None:
    script = fresh.folder / ("train.py" if part == "training" else "model.py")
    before = script.read_text()
    body = "".join(f"        {line}\n" for line in LINGERING.splitlines())
    script.write_text(LINGERING if part == "training" else before.replace("(self, rows):\n", f"(self, rows):\n{body}"))
    mlci = started(fresh, "run")
    pids = [int(pid) for pid in awaited(fresh.folder / "pids").strip("[]").split(",")]
    (os.killpg if group else os.kill)(mlci.pid, signal.SIGKILL)
    mlci.communicate()

    assert gone(pids)
    assert lies(fresh) == []
    assert not (fresh.folder / "mlci-model").exists()
    assert not (fresh.folder / ".mlci" / "mlflow.db").exists()
    script.write_text(before)
    (fresh.folder / "pids").unlink()
    with started(fresh, "model-ci", "--register", "false") as again:
        assert again.wait() == 0
    assert left_over(fresh) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_training_may_write_its_checkpoint_and_ends(fresh: Repository, signum: signal.Signals) -> None:
    catching = (
        "import signal, sys\n"
        "def stop(*_):\n    open('checkpoint', 'w').write('1')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
    )
    (fresh.folder / "train.py").write_text(catching + LINGERING)
    for name in ("model", "gate"):
        stale = fresh.folder / ".mlci" / "evidence" / f"{name}.json"
        stale.parent.mkdir(parents=True, exist_ok=True)
        stale.write_text("{}")
    mlci = started(fresh, "run")
    pids = [int(pid) for pid in awaited(fresh.folder / "pids").strip("[]").split(",")]
    mlci.send_signal(signum)
    _, said = mlci.communicate(timeout=60)

    assert mlci.returncode == Exit.INTERRUPTED
    assert said.decode().splitlines()[-1] == "interrupted"
    assert (fresh.folder / "checkpoint").read_text() == "1"
    assert gone(pids)
    assert [*(fresh.folder / ".mlci" / "evidence").iterdir()] == []
    assert not (fresh.folder / "mlci-model").exists()
