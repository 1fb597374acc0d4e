"""Every way a command of gate, model, code, release and configuration can end, each with exactly one exit code."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cli import release_world as release
from cli.running import on_main, predictions, proposed, zipped

from mlci.cli.main import run
from mlci.errors import EngineFailed, Exit, MlciError, RegistryBroken, ServiceFailed, ServiceRefused, catalogue
from mlci.ports import Unscored
from mlci.surface.catalog import command_named
from mlci.testing.registry import MemoryRegistry

JUDGE = ("gate-compare", "--candidate", "c.csv", "--baseline", "b.csv")
REPORT = Path(".mlci/report/gate-compare.json")


@dataclass(frozen=True)
class Ending:
    """A command line in a folder of files, the exit it must end with, and the error it must name."""

    name: str
    exit: int
    arguments: tuple[str, ...] = JUDGE
    files: dict[str, str | bytes] = field(default_factory=dict)
    error: str | None = None
    environ: dict[str, str] = field(default_factory=dict)
    before: Callable[[pytest.MonkeyPatch], Any] = lambda _: None


def blocked(*names: str) -> Callable[[pytest.MonkeyPatch], Any]:
    def block(patch: pytest.MonkeyPatch) -> None:
        for name in names:
            patch.setitem(sys.modules, name, None)

    return block


def broken(patch: pytest.MonkeyPatch) -> None:
    from mlci.domain import gate

    patch.setattr(gate, "compose", lambda *_: 1 / 0)


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def explaining(instead: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], Any]:
    return lambda patch: patch.setattr("mlci.cli.config_explain._as_text", instead)


def interrupted(patch: pytest.MonkeyPatch) -> None:
    from mlci.domain import gate

    patch.setattr(gate, "compose", interrupt)


def refused_by(port: str, error: type[MlciError]) -> Callable[[pytest.MonkeyPatch], Any]:
    """A pull request on a forge one part of which answers with an error."""

    def before(patch: pytest.MonkeyPatch) -> None:
        world = proposed().entered(patch)
        getattr(world.memory, port).error = error("it did not answer")

    return before


def kept(predictions: bytes | None) -> Callable[[pytest.MonkeyPatch], Any]:
    """A run on the default branch, whose last run left evidence with these predictions; None: something else."""

    def before(patch: pytest.MonkeyPatch) -> None:
        evidence = "before/gate.json"
        assert (
            run(("gate-compare", "--candidate", "b.csv", "--evidence", evidence, "--report", "before/r.json"), {}) == 0
        )
        content = Path(evidence).read_bytes()
        packed = b"no zip" if predictions is None else zipped({"gate.json": content, "predictions.csv": predictions})
        on_main().entered(patch).memory.runs.leave("mlci-gate", packed, run=90)

    return before


def flags(*more: str) -> tuple[str, ...]:
    return (*JUDGE, *more)


def config(text: str) -> dict[str, str | bytes]:
    return {"mlci.yml": text}


def both(text: str | bytes, ending: str = "csv") -> dict[str, str | bytes]:
    return {f"c.{ending}": text, f"b.{ending}": text}


JSON = ("gate-compare", "--candidate", "c.json", "--baseline", "b.json")
WORSE = {"c.csv": predictions(wrong=90)}
UNSURE = {"c.csv": predictions(wrong=14, start=50)}
FROM_ARTIFACTS = ("gate-compare", "--candidate", "c.csv", "--baseline-from", "artifacts")
PARQUET = ("gate-compare", "--candidate", "c.parquet")
EXPLAIN = ("config", "explain")

CALLING = "train: {{python: {python}}}\nvalidation: {{metrics: {{p: {{call: 'm.py:f', better: higher}}}}}}\n"
BROKEN_FUNCTION: dict[str, str | bytes] = {
    "mlci.yml": CALLING.format(python=sys.executable),
    "m.py": "def f(*_):\n    raise ValueError\n",
}

GATE_ENDINGS = [
    Ending("a function of the user's fails", 14, JUDGE, BROKEN_FUNCTION, "T001"),
    Ending("identical predictions", 0),
    Ending("better", 0, files={"b.csv": predictions(wrong=90)}),
    Ending("no baseline is a warning", 0, JUDGE[:3]),
    Ending("no baseline, and a warning has an exit of its own", 20, (*JUDGE[:3], "--exit-on-warn", "true")),
    Ending("a pass has no exit but the usual one", 0, flags("--exit-on-warn", "true")),
    Ending("only limits, met", 0, JUDGE[:3], config("validation: {min_accuracy: 0.5}")),
    Ending("bare metrics are a warning", 0, JSON, both('{"f1": 0.9}', "json")),
    Ending("inconclusive, policy says warn", 0, flags("--on-inconclusive", "warn"), UNSURE),
    Ending("inconclusive, policy says pass", 0, flags("--on-inconclusive", "pass"), UNSURE),
    Ending("inconclusive, policy asks a human", 3, flags("--on-inconclusive", "approve"), UNSURE),
    Ending("inconclusive, policy refuses", 3, flags("--on-inconclusive", "fail"), UNSURE),
    Ending("a slice column is missing", 3, flags("--slices", "region", "--on-inconclusive", "pass")),
    Ending("a metric is undefined", 3, flags("--metrics", "roc_auc", "--on-inconclusive", "pass")),
    Ending("a rule of the policy is beyond this version", 3, JUDGE, config("validation: {fairness: {x: {max: 0.1}}}")),
    Ending("worse", 11, files=WORSE),
    Ending("below an absolute limit", 11, JUDGE[:3], config("validation: {min_accuracy: 0.99}")),
    Ending("predictions demanded", 11, (*JSON, "--require-predictions", "true"), both('{"f1": 0.9}', "json")),
    Ending("less robust", 11, files={"c.csv": predictions().replace("e1,1,0", "e1,1,")}),
    Ending("an internal error", 1, before=broken),
    Ending("interrupted", 130, before=interrupted),
    Ending("unknown option", 2, flags("--tolerence", "1"), error="U001"),
    Ending("unknown choice", 2, flags("--format", "pdf"), error="U001"),
    Ending("unknown ending of a file", 2, ("gate-compare", "--candidate", "c.txt"), {"c.txt": predictions()}, "U001"),
    Ending("a report that is no .json", 2, flags("--report", "report.md"), error="U001"),
    Ending("a report over the candidate", 2, (*JSON, "--report", "c.json"), both('{"f1": 0.9}', "json"), "U001"),
    Ending("a report over the baseline", 2, (*JSON, "--report", "./b.json"), both('{"f1": 0.9}', "json"), "U001"),
    Ending("evidence over the candidate", 2, flags("--evidence", "c.csv"), error="U001"),
    Ending("evidence over the configuration", 2, flags("--evidence", "mlci.yml"), config("model: m"), "U001"),
    Ending("evidence over the report", 2, flags("--evidence", str(REPORT)), error="U001"),
    Ending("evidence over a face of the report", 2, flags("--evidence", str(REPORT.with_suffix(".md"))), error="U001"),
    Ending("a path that is no text", 2, ("gate-compare", "--candidate", "\udcff.csv"), error="U001"),
    Ending("a variable of no option", 2, environ={"MLCI_GATE_COMPARE_TOLERENCE": "1"}, error="U001"),
    Ending("no candidate", 2, ("gate-compare", "--baseline", "b.csv"), error="C007"),
    Ending("a missing file", 2, ("gate-compare", "--candidate", "absent.csv"), error="U002"),
    Ending("a missing metrics file", 2, ("gate-compare", "--candidate", "absent.json"), error="U002"),
    Ending("a missing baseline", 2, (*JUDGE[:3], "--baseline", "absent.csv"), error="U002"),
    Ending("a missing configuration", 2, flags("--config", "absent.yml"), error="U002"),
    Ending("a name longer than any file's", 2, ("gate-compare", "--candidate", "x" * 5000 + ".csv"), error="U002"),
    Ending("no numpy", 2, error="U003", before=blocked("numpy")),
    Ending("no pyarrow", 2, PARQUET, {"c.parquet": "x"}, "U003", before=blocked("pyarrow")),
    Ending("an unsupported system", 2, error="U004", before=lambda patch: patch.setattr(sys, "platform", "win32")),
    Ending("a report that cannot be written", 2, flags("--report", "c.csv/r.json"), error="U005"),
    Ending("evidence that cannot be written", 2, flags("--evidence", "c.csv/e.json"), error="U005"),
    Ending("no YAML", 2, files=config("model: ["), error="C001"),
    Ending("an unknown key", 2, files=config("modle: m"), error="C002"),
    Ending("a wrong type", 2, files=config("validation: {confidence: high}"), error="C003"),
    Ending("out of range", 2, flags("--confidence", "1.5"), error="C004"),
    Ending("a tolerance of more than half", 2, flags("--tolerance", "60%"), error="C004"),
    Ending("a key twice", 2, files=config("model: a\nmodel: b"), error="C005"),
    Ending("an unset reference", 2, files=config("model: ${NOT_SET_ANYWHERE}"), error="C006"),
    Ending("a contradiction", 2, files=config("validation: {min_f1: 0.9, max_f1: 0.8}"), error="C008"),
    Ending("malformed CSV", 3, files={"c.csv": "id,y,pred\n1,2\n"}, error="I001"),
    Ending("malformed JSON Lines", 3, ("gate-compare", "--candidate", "c.jsonl"), {"c.jsonl": "{"}, "I001"),
    Ending("malformed Parquet", 3, PARQUET, {"c.parquet": b"PAR1"}, "I001"),
    Ending("malformed metrics", 3, JSON, both("[1]", "json"), "I001"),
    Ending("no id column", 3, files=both(predictions(header="row,y,pred")), error="I002"),
    Ending("a named column is absent", 3, flags("--score", "s"), error="I002"),
    Ending("two targets", 3, files=both(predictions(header="id,y,label")), error="I003"),
    Ending("an id twice", 3, files=both("id,y,pred\na,1,1\na,0,0\n"), error="I004"),
    Ending("other ids", 3, files={"c.csv": predictions(199)}, error="I005"),
    Ending("another label", 3, files={"c.csv": predictions().replace("e7,1,", "e7,0,")}, error="I006"),
    Ending("another holdout", 3, JSON, {f"{name}.json": f'{{"f1": 1, "holdout": "{name}"}}' for name in "cb"}, "I006"),
    Ending("no label", 3, files=both(predictions().replace("e7,1,", "e7,,")), error="I007"),
    Ending("a metric above 1", 3, JSON, both('{"f1": 88}', "json"), "I007"),
    Ending("an empty file", 3, files={"c.csv": ""}, error="I008"),
    Ending("a header alone", 3, files=both("id,y,pred\n"), error="I008"),
    Ending("the runner says nothing of the run", 4, environ={"GITHUB_ACTIONS": "true"}, error="S004"),
    Ending("the policy cannot be read", 4, error="S003", before=refused_by("commits", ServiceFailed)),
    Ending("no answer about a baseline", 4, FROM_ARTIFACTS, error="S001", before=refused_by("runs", ServiceFailed)),
    Ending("no right to a baseline", 4, FROM_ARTIFACTS, error="S002", before=refused_by("runs", ServiceRefused)),
    Ending("a baseline that is no artifact of ours", 3, FROM_ARTIFACTS, error="A001", before=kept(None)),
    Ending("a baseline that was changed", 5, FROM_ARTIFACTS, error="A002", before=kept(b"id,y,pred\na,1,1\n")),
    Ending("a baseline that was kept", 0, FROM_ARTIFACTS, before=kept(predictions().encode())),
    Ending("metrics with nothing in common", 3, JSON, {"c.json": '{"f1": 1}', "b.json": '{"mcc": 1}'}, "I008"),
]  # fmt: skip

EXPLAIN_ENDINGS = [
    Ending("no file", 0, EXPLAIN),
    Ending("a file, as JSON", 0, (*EXPLAIN, "--format", "json"), config("model: m")),
    Ending("as a command sees it", 0, (*EXPLAIN, "--command", "gate-compare")),
    Ending("an unknown format", 2, (*EXPLAIN, "--format", "html"), error="U001"),
    Ending("an unknown command", 2, (*EXPLAIN, "--command", "gate"), error="U001"),
    Ending("a missing file", 2, (*EXPLAIN, "--config", "absent.yml"), error="U002"),
    Ending("an unknown key", 2, EXPLAIN, config("modle: m"), "C002"),
    Ending("an internal error", 1, EXPLAIN, before=explaining(lambda _: 1 / 0)),
    Ending("interrupted", 130, EXPLAIN, before=explaining(interrupt)),
]  # fmt: skip


MODEL = ("model-ci", "--register", "false")
SCRIPT = "import os, pathlib; out = pathlib.Path(os.environ['MLCI_TRAIN_OUTPUT'])\n"
PICKLE = SCRIPT + "import pickle, {module}; (out / 'model.pkl').write_bytes(pickle.dumps({value}))\n"
GOOD = PICKLE.format(module="ours", value="ours.Model()")


def trained(script: str, more: str = "", **files: str) -> dict[str, str | bytes]:
    """A repository whose training is this script; ``ours`` has a model of a class of its own."""
    columns = "{train: {command: python train.py" + more + "}, data: {holdout: holdout.csv}"
    return {
        "mlci.yml": f"{columns}, model: m, evaluate: {{id: id, target: y, timeout: 30s}}}}",
        "train.py": script,
        "ours.py": "class Model:\n    def predict(self, rows):\n        return [0] * len(rows)\n",
        "holdout.csv": "id,x,y\n" + "".join(f"e{row},{row},{row % 2}\n" for row in range(50)),
        **files,
    }


def raising(error: type[MlciError]) -> Callable[[pytest.MonkeyPatch], Any]:
    """A registry that answers everything with an error."""
    registry = MemoryRegistry(error=error("what it holds is not what it was given"))
    return lambda patch: patch.setattr("mlci.adapters.mlflow.open_registry", lambda *_, **__: registry)


def altered(_: pytest.MonkeyPatch) -> None:
    """A registry whose production is no longer the model that was registered."""
    registered = (sys.executable, "-m", "mlci", "run")
    subprocess.run(registered, check=True, capture_output=True, timeout=60, env=PATHED)
    [stored] = Path(".mlci/artifacts").rglob("model.pkl")
    stored.write_bytes(stored.read_bytes() + b"#")
    Path("holdout.csv").write_text(Path("holdout.csv").read_text().replace("e1,", "f1,"))
    Path("ours.py").write_text(Path("ours.py").read_text().replace("[0]", "[1]"))


def at_work(_: pytest.MonkeyPatch) -> None:
    """Another process that works on the same model."""
    Path(".mlci/work/m").mkdir(parents=True)
    # Held until this process ends; each test has a folder of its own.
    fcntl.flock(os.open(".mlci/work/m/lock", os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX)


PATHED = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def with_data(table: str, *, contract: str = "rows: {min: 3}", **more: str) -> dict[str, str | bytes]:
    """A repository whose data must pass a contract before anything is trained."""
    asked = "train: {path: train.csv, contract: c.yml}, holdout: holdout.csv"
    files = trained(GOOD)
    policy = str(files["mlci.yml"]).replace("holdout: holdout.csv", asked)
    return {**files, "mlci.yml": policy, "train.csv": table, "c.yml": contract, **more}


ENOUGH = "id,x,y\n" + "".join(f"t{row},{row * 7 % 80}.5,{row % 2}\n" for row in range(80))
FEW = "id,x,y\nt1,1.5,0\n"


def after_a_check(_: pytest.MonkeyPatch) -> None:
    subprocess.run((sys.executable, "-m", "mlci", "data-check"), check=False, capture_output=True, timeout=60)
    assert Path(".mlci/evidence/data.json").exists()


def of_other_data(patch: pytest.MonkeyPatch) -> None:
    after_a_check(patch)
    Path("train.csv").write_text(FEW)


def looking(instead: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], Any]:
    return lambda patch: patch.setattr("mlci.steps.data_check.run", instead)


def moving(patch: pytest.MonkeyPatch) -> None:
    """Somebody writes to the data while they are checked."""
    from mlci.steps import data_check

    judge = data_check.run

    def run_(*given: Any, **named_: Any) -> Any:
        Path("train.csv").write_text(FEW)
        return judge(*given, **named_)

    patch.setattr(data_check, "run", run_)


def engine_fails(*_: Any, **__: Any) -> None:
    raise EngineFailed("it ran out of memory")


CHECK = ("data-check",)
NO_EVIDENCE = '{"_type":"https://in-toto.io/Statement/v1","predicate":{}}'
DATA_ENDINGS = [
    Ending("data pass", 0, CHECK, with_data(ENOUGH)),
    Ending("a bug while checking data", 1, CHECK, with_data(ENOUGH), before=looking(lambda *_, **__: 1 / 0)),
    Ending("no data are named", 2, CHECK, config("model: m"), "C007"),
    Ending("data are not there", 2, CHECK, config("data: {train: absent.csv}"), "U002"),
    Ending(
        "a reference is no evidence", 3, (*CHECK, "--reference", "r.json"),
        with_data(ENOUGH, **{"r.json": NO_EVIDENCE}), "A001",
    ),
    Ending("a rule has nothing to look at", 3, CHECK, with_data("id,x,y\nt1,,1\n", contract="columns: {x: {max: 1}}")),
    Ending("production is not known", 4, CHECK, with_data(ENOUGH), "S001", before=raising(ServiceFailed)),
    Ending("the engine fails", 4, CHECK, with_data(ENOUGH), "D005", before=looking(engine_fails)),
    Ending("data change meanwhile", 5, CHECK, with_data(ENOUGH), "D004", before=moving),
    Ending("data do not pass", 10, CHECK, with_data(FEW)),
    Ending("interrupted while checking data", 130, CHECK, with_data(ENOUGH), before=looking(interrupt)),
]  # fmt: skip
MODEL_ENDINGS = [
    Ending("nobody checked the data", 3, MODEL, with_data(ENOUGH), "D003", PATHED),
    Ending("the data did not pass", 10, MODEL, with_data(FEW), "D002", PATHED, after_a_check),
    Ending("other data were checked", 5, MODEL, with_data(ENOUGH), "D004", PATHED, of_other_data),
    Ending("trained and scored", 0, MODEL, trained(GOOD), environ=PATHED),
    Ending("training fails", 14, MODEL, trained("raise SystemExit(3)"), "T001", PATHED),
    Ending("takes too long", 14, MODEL, trained("import time; time.sleep(60)", ", timeout: 1s"), "T002", PATHED),
    Ending("runs out of memory", 14, MODEL, trained("raise MemoryError"), "T003", PATHED),
    Ending("leaves nothing", 14, MODEL, trained("pass"), "T004", PATHED),
    Ending("leaves two", 14, MODEL, trained(GOOD + "(out / 'b.pkl').write_bytes(b'')\n"), "T004", PATHED),
    Ending("is no model", 14, MODEL, trained(PICKLE.format(module="os", value="[1]")), "T005", PATHED),
    Ending("production was altered", 5, MODEL, trained(GOOD), "A003", PATHED, altered),
    Ending("the registry lies", 5, MODEL, trained(GOOD), "R002", PATHED, raising(RegistryBroken)),
    Ending("the registry is silent", 4, MODEL, trained(GOOD), "S001", PATHED, raising(ServiceFailed)),
    Ending("another is at work", 2, MODEL, trained(GOOD), "U006", PATHED, at_work),
    Ending("the registry would be lost", 2, MODEL[:1], trained(GOOD), "R001", PATHED, lambda patch: hosted(patch)),
    Ending("production cannot be scored", 3, MODEL, trained(GOOD), None, PATHED, lambda patch: unscored(patch)),
    Ending("the configuration names no model", 2, MODEL, config("train: python train.py"), "C007", PATHED),
    Ending("an internal error", 1, MODEL, trained(GOOD), None, PATHED, lambda patch: inside(patch, lambda *_: 1 / 0)),
    Ending("interrupted", 130, MODEL, trained(GOOD), None, PATHED, lambda patch: inside(patch, interrupt)),
]  # fmt: skip


def inside(patch: pytest.MonkeyPatch, instead: Callable[..., Any]) -> None:
    patch.setattr("mlci.steps.model_ci.run", instead)


def hosted(patch: pytest.MonkeyPatch) -> None:
    """A run of the default branch on a runner that keeps no disk."""
    on_main().entered(patch, "model_ci")
    patch.setitem(PATHED, "GITHUB_ACTIONS", "true")
    patch.setitem(PATHED, "RUNNER_ENVIRONMENT", "github-hosted")


def unscored(patch: pytest.MonkeyPatch) -> None:
    """A production model that nobody can load here."""
    from mlci.adapters.models.workshop import LocalWorkshop

    answer = Unscored(version="3", why="the module lightgbm is missing", missing="lightgbm")
    patch.setattr(LocalWorkshop, "production", lambda *_: answer)


def named(endings: list[Ending]) -> list[Any]:
    return [pytest.param(ending, id=ending.name.replace(" ", "-")) for ending in endings]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for name, text in (("c.csv", predictions()), ("b.csv", predictions())):
        Path(name).write_text(text)


PROMOTE = ("promote", "--version", "3", "--to", "production")
BACK = ("rollback", "--reason", "it was worse")
PROMOTING = config("model: churn\n")
PROBED = config(release.CONFIG)

PROMOTE_ENDINGS = [
    Ending("promoted", 0, PROMOTE, PROMOTING, before=release.standing("2")),
    Ending("there already", 0, PROMOTE, PROMOTING, before=release.standing("3")),
    Ending("a bug while judging", 1, PROMOTE, PROMOTING, before=release.saying(lambda *_: 1 / 0)),
    Ending("no such stage", 2, (*PROMOTE[:3], "--to", "prod"), PROMOTING, "U001", before=release.standing("2")),
    Ending("nothing to judge", 3, PROMOTE, PROMOTING, "I008", before=release.saying(release.unjudgeable)),
    Ending("a silent registry", 4, PROMOTE, PROMOTING, "S001", before=release.silent),
    Ending("a spoiled ledger", 5, PROMOTE, PROMOTING, "L001", before=release.spoiled),
    Ending("a version without evidence", 5, PROMOTE, PROMOTING, "L003", before=release.unlinked),
    Ending("nobody approved", 12, PROMOTE, PROMOTING, "H001", before=release.lacking("approval")),
    Ending("a team cannot be read", 12, PROMOTE, PROMOTING, "H002", before=release.saying(release.doubt)),
    Ending("a dirty tree", 13, PROMOTE, PROMOTING, "P001", before=release.lacking("approval", "clean-tree")),
    Ending("moved by hand", 13, PROMOTE, PROMOTING, "P002", before=release.standing("2", by_hand="1")),
    Ending("nothing serves", 13, PROMOTE, PROBED, "P003", before=release.standing("2")),
    Ending("somebody else decided", 13, PROMOTE, PROMOTING, "L002", before=release.meanwhile),
    Ending("interrupted while promoting", 130, PROMOTE, PROMOTING, before=release.saying(interrupt)),
]
ROLLBACK_ENDINGS = [
    Ending("rolled back", 0, BACK, PROMOTING, before=release.standing("3")),
    Ending("a bug on the way back", 1, BACK, PROMOTING, before=release.backing(lambda *_: 1 / 0)),
    Ending("a reason of two lines", 2, (*BACK[:2], "a\nb"), PROMOTING, "U001", before=release.standing("3")),
    Ending("no registry on the way back", 4, BACK, PROMOTING, "S001", before=release.silent),
    Ending("a spoiled ledger on the way back", 5, BACK, PROMOTING, "L001", before=release.spoiled),
    Ending("nowhere to go back to", 13, BACK, PROMOTING, "P001", before=release.standing("1")),
    Ending("interrupted on the way back", 130, BACK, PROMOTING, before=release.backing(interrupt)),
]
CODE = ("code-ci",)


def checked(command: str, more: str = "") -> dict[str, str | bytes]:
    return config(f"code: {{scan: {{models: false}}, checks: {{one: {command!r}}}{more}}}\n")


def code_instead(instead: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], Any]:
    return lambda patch: patch.setattr("mlci.steps.code_ci.run", lambda *_, **__: instead())


def unanswered_policy(patch: pytest.MonkeyPatch) -> None:
    world = proposed().entered(patch, "code_ci")
    world.memory.commits.error = ServiceFailed("it did not answer")


CODE_ENDINGS = [
    Ending("every check passes", 0, CODE, checked("true"), environ=PATHED),
    Ending("an internal error beside checks", 1, CODE, checked("true"), None, PATHED, code_instead(lambda: 1 / 0)),
    Ending("no such check", 2, (*CODE, "--only", "two"), checked("true"), "U001", PATHED),
    Ending("a check by a name of mlci's own", 2, CODE, config("code: {checks: {smoke: 'true'}}"), "C008", PATHED),
    Ending("nothing to check", 3, CODE, config("code: {scan: {models: false}}"), None, PATHED),
    Ending("a check that is not there", 3, CODE, checked("no-such-program"), None, PATHED),
    Ending("checks take too long", 3, CODE, checked("sleep 60", ", budget: 1s"), None, PATHED),
    Ending("no policy for a scan", 4, CODE, checked("true"), "S003", PATHED, unanswered_policy),
    Ending("a check fails", 11, CODE, checked("exit 1"), None, PATHED),
    Ending("interrupted beside checks", 130, CODE, checked("true"), None, PATHED, code_instead(interrupt)),
]
PROFILE = ("data-profile", "--data", "b.csv")


def profiling_instead(instead: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], Any]:
    return lambda patch: patch.setattr("mlci.steps.data_profile.run", lambda *_, **__: instead())


def silent_database(patch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any, **__: Any) -> Any:
        raise ServiceFailed("the database did not answer")

    patch.setattr("mlci.adapters.datasets.open_engine", opened)


PROFILE_ENDINGS = [
    Ending("a contract is drafted", 0, PROFILE),
    Ending("a bug while drafting", 1, PROFILE, before=profiling_instead(lambda: 1 / 0)),
    Ending("no data are named", 2, PROFILE[:1], error="C007"),
    Ending("data that are not there", 2, (*PROFILE[:2], "absent.csv"), error="U002"),
    Ending("a contract is there already", 2, (*PROFILE, "--output", "b.csv"), error="U001"),
    Ending("nothing to look at data with", 2, PROFILE, error="U003", before=blocked("duckdb")),
    Ending("a contract to write out that is none", 2, ("data-profile", "--from-contract", "b.csv"), error="C003"),
    Ending("a silent database", 4, PROFILE, error="S001", before=silent_database),
    Ending("data that cannot be read", 10, (*PROFILE[:2], "d.parquet"), {"d.parquet": b"PAR1"}, "D001"),
    Ending("interrupted while drafting", 130, PROFILE, before=profiling_instead(interrupt)),
]
RELEASE_ENDINGS = [*PROMOTE_ENDINGS, *ROLLBACK_ENDINGS]
ALL_ENDINGS = [
    *GATE_ENDINGS, *EXPLAIN_ENDINGS, *DATA_ENDINGS, *PROFILE_ENDINGS, *MODEL_ENDINGS, *CODE_ENDINGS, *RELEASE_ENDINGS,
]  # fmt: skip


def ended(ending: Ending, monkeypatch: pytest.MonkeyPatch) -> int:
    for name, content in ending.files.items():
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with monkeypatch.context() as patch:
        ending.before(patch)
        return run(ending.arguments, ending.environ)


@pytest.mark.parametrize("ending", named(ALL_ENDINGS))
def test_each_ending_has_its_exit_and_its_error(
    ending: Ending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(ending, monkeypatch) == ending.exit
    said = capsys.readouterr().err
    assert re.findall(r"error\[(\w+)\]", said) == ([ending.error] if ending.error else [])
    # What the user's own code prints is shown as it comes; mlci itself never ends in a trace of its own.
    assert "mlci/cli" not in said


@pytest.mark.parametrize("ending", named([each for each in GATE_ENDINGS if each.exit not in (0, 20)]))
def test_nothing_of_an_earlier_pass_survives_an_ending_that_is_none(
    ending: Ending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless the command line itself was refused: then it never began, and what it would write is unknown."""
    assert run(JUDGE, {}) == 0
    capsys.readouterr()
    ended(ending, monkeypatch)
    refused = (ending.exit == 2 and (ending.error or "") not in ("U002", "U003")) or "absent.yml" in ending.arguments
    if refused:
        return
    assert not REPORT.exists() or json.loads(REPORT.read_text())["verdict"] in ("inconclusive", "fail")
    evidence = Path(".mlci/evidence/gate.json")
    assert not evidence.exists() or json.loads(evidence.read_text())["predicate"]["verdict"] in ("inconclusive", "fail")


@pytest.mark.parametrize("ending", named([each for each in GATE_ENDINGS if each.exit == 3 and each.error]))
def test_input_that_cannot_be_judged_leaves_a_report_that_says_so_and_no_evidence(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".mlci/evidence").mkdir(parents=True)
    Path(".mlci/evidence/gate.json").write_text("stale")
    ended(ending, monkeypatch)
    report = json.loads(REPORT.read_text())
    [found] = report["findings"]
    assert (report["verdict"], found["id"], found["reason"]) == ("inconclusive", f"input:{ending.error}", "input-error")
    assert report["evidence"] == {}
    assert not Path(".mlci/evidence/gate.json").exists()
    for face in (".md", ".html", ".junit.xml"):
        assert (ending.error or "") in REPORT.with_suffix(face).read_text()


def test_inputs_survive_every_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    for ending in GATE_ENDINGS:
        if ending.exit != 2:
            continue
        ended(ending, monkeypatch)
        for name, content in ending.files.items():
            assert Path(name).read_bytes() == (content if isinstance(content, bytes) else content.encode()), ending.name
        assert Path("b.csv").read_text() == predictions()


def test_a_link_to_the_candidate_is_the_candidate(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.json").write_text('{"f1": 0.9}')
    Path("link.json").symlink_to("c.json")
    assert run(("gate-compare", "--candidate", "c.json", "--report", "link.json"), {}) == 2
    assert "--report would overwrite c.json, which --candidate names" in capsys.readouterr().err
    assert Path("c.json").read_text() == '{"f1": 0.9}'


def test_an_internal_error_names_its_kind_and_leaves_the_trace_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ended(Ending("bug", 1, before=broken), monkeypatch)
    assert "a bug in mlci (ZeroDivisionError)" in capsys.readouterr().err
    [trace] = tmp_path.glob("mlci-bug-*.txt")
    assert "division by zero" in trace.read_text()


# Errors that a command cannot meet, each with the reason.
OUT_OF_REACH: dict[str, str] = {}


def test_every_error_of_the_catalogue_is_reached() -> None:
    reached = {ending.error for ending in ALL_ENDINGS}
    assert {kind.id for kind in catalogue()} - reached == set(OUT_OF_REACH)


@pytest.mark.parametrize(
    ("command", "endings"),
    [
        ("gate-compare", GATE_ENDINGS),
        ("config explain", EXPLAIN_ENDINGS),
        ("data-check", DATA_ENDINGS),
        ("model-ci", MODEL_ENDINGS),
        ("code-ci", CODE_ENDINGS),
        ("data-profile", PROFILE_ENDINGS),
        ("promote", PROMOTE_ENDINGS),
        ("rollback", ROLLBACK_ENDINGS),
    ],
)
def test_the_exits_that_are_declared_are_those_that_are_reached(command: str, endings: list[Ending]) -> None:
    assert {int(exit) for exit in command_named(command).exits} == {ending.exit for ending in endings}


def test_each_error_has_the_exit_it_declares() -> None:
    exits = {kind.id: int(kind.exit) for kind in catalogue()}
    endings = ALL_ENDINGS
    assert all(ending.exit == exits[ending.error] for ending in endings if ending.error)


# Real processes.


def process(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlci", *arguments], capture_output=True, text=True, check=False, timeout=60, **more
    )


@pytest.mark.parametrize(("files", "exit"), [({}, 0), (WORSE, 11), ({"c.csv": ""}, 3), ({"mlci.yml": "modle: m"}, 2)])
def test_a_process_exits_as_its_run_does(files: dict[str, str], exit: int) -> None:
    for name, content in files.items():
        Path(name).write_text(content)
    done = process(*JUDGE)
    assert done.returncode == exit
    assert ("error[" in done.stderr) is (exit in (2, 3))
    assert bool(done.stdout) is (exit != 2), "whatever there is a report about, the report shows"


def reads(pid: int, name: str) -> bool:
    """Whether a process has a file of this name open; where nobody can look, a second is enough for it."""
    opened = Path(f"/proc/{pid}/fd")
    if not opened.is_dir():
        time.sleep(1.0)
        return True
    with suppress(OSError):
        return any(each.readlink().name == name for each in opened.iterdir())
    return False


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_works_ends_it_with_130_and_no_verdict(number: signal.Signals) -> None:
    rows = 1_500_000
    with Path("big.csv").open("w") as stream:
        stream.write("id,y,pred\n")
        stream.writelines(f"e{row},{row % 2},{row % 2}\n" for row in range(rows))
    worker = subprocess.Popen(
        [sys.executable, "-m", "mlci", "gate-compare", "--candidate", "big.csv", "--baseline", "big.csv"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: reads(worker.pid, "big.csv"))
    assert worker.poll() is None
    worker.send_signal(number)
    out, err = worker.communicate(timeout=60)
    assert (worker.returncode, out) == (int(Exit.INTERRUPTED), "")
    assert err.strip() == "interrupted"
    assert not REPORT.exists()


def test_the_report_that_a_full_disk_cuts_short_is_an_error_and_no_half_file() -> None:
    import resource

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = process(*JUDGE, preexec_fn=small_files)
    assert done.returncode == 2
    assert "error[U005]: cannot write" in done.stderr
    assert done.stdout == ""
    assert [name for _, _, names in os.walk(".mlci") for name in names] == []
