"""Two models called in turns in processes of their own: real calls, and what becomes of one that cannot be called."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlci.adapters.disk.files import sha256
from mlci.adapters.models.operating import Rig, machine, operate
from mlci.adapters.models.payload import find_payload
from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter
from mlci.adapters.scoring.timer import excerpt
from mlci.adapters.scoring.timing import Plan, Seat, Uncalled, _pairs_of_start, call
from mlci.domain.evidence import Numbers
from mlci.domain.policy import GatePolicy, MetricRule, Tolerance
from mlci.domain.verdict import Verdict
from mlci.ports import Unscored
from mlci.steps.judging import judge

# One call of it takes as long as it says, on whatever else runs; and it remembers which examples it was given.
MODEL = """
import os, time

class Model:
    classes_ = [0, 1]

    def __init__(self, seconds, kind="both", ballast=0):
        self.seconds, self.kind, self.ballast = seconds, kind, ballast

    def predict(self, rows):
        assert self.kind != "both", "a model that gives both is called once"
        if self.kind == "broken":
            raise ValueError("no prediction today")
        if self.kind == "dead":
            os._exit(3)
        return [0] * len(rows["x"])

    def predict_proba(self, rows):
        print("a word that is no answer")
        self.kept = getattr(self, "kept", None) or bytearray(self.ballast)
        until = time.perf_counter() + self.seconds
        while time.perf_counter() < until:
            pass
        return [[0.5, 0.5]] * len(rows["x"])

class Plain(Model):
    predict_proba = property(lambda self: (_ for _ in ()).throw(AttributeError("none")))
"""
PLAN = Plan(pairs=60, batch=1, budget=60.0, starts=1)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    (tmp_path / "own.py").write_text(MODEL)
    (tmp_path / "holdout.csv").write_text("id,y,x\n" + "".join(f"{row},{row % 2},{row}\n" for row in range(50)))
    interpreter = Interpreter(
        python=sys.executable, cwd=str(tmp_path), environ={"PATH": os.environ["PATH"]}, timeout=120.0,
        log=str(tmp_path / "score.log"),
    )  # fmt: skip

    def seat(name: str, written: str) -> Seat:
        (tmp_path / name).mkdir()
        program = f"import pickle, own; pickle.dump({written}, open('{name}/model.pkl', 'wb'))"
        assert os.spawnlp(os.P_WAIT, "sh", "sh", "-c", f'cd "{tmp_path}" && "{sys.executable}" -c "{program}"') == 0
        return Seat(payload=find_payload(str(tmp_path / name), None, False), interpreter=interpreter)

    holdout = HoldoutFile(path=str(tmp_path / "holdout.csv"), digest=sha256(str(tmp_path / "holdout.csv")))
    return seat, holdout


def quiet(_: str) -> None:
    pass


def test_a_model_three_times_as_slow_is_caught_and_printing_disturbs_nothing(bench: Any) -> None:
    seat, holdout = bench
    slow, fast = seat("slow", "own.Model(0.006)"), seat("fast", "own.Model(0.002)")
    rig = Rig(
        interpreter=slow.interpreter, holdout=holdout, asked=Asked(), plan=replace(PLAN, pairs=301, starts=10),
        production=lambda: _opened(fast),
    )  # fmt: skip
    found = operate(slow.payload, rig, quiet)

    timings = found.operations.timings
    assert timings is not None
    assert (len(timings.blocks), timings.pairs, timings.interleaved) == (10, 320, True)
    assert (found.production, found.operations.hardware) == (fast.payload.digest, machine())
    policy = GatePolicy(rules=(MetricRule(metric="latency_p50_ms", tolerance=Tolerance(0.5, relative=True)),))
    judged = judge(Numbers(compared=True, examples=None, operations=found.operations), policy).findings
    (latency,) = [each for each in judged if each.metric == "latency_p50_ms"]
    assert latency.verdict is Verdict.FAIL
    # On a busy machine the longer call is interrupted more often, and the ratio is larger still.
    assert (latency.difference or 0) > 1


class _opened:  # noqa: N801 - a context that opens what it is given
    def __init__(self, given: Any) -> None:
        self._given = given

    def __enter__(self) -> Any:
        return self._given

    def __exit__(self, *_: object) -> None:
        pass


def test_memory_is_what_each_start_held_and_a_batch_is_one_call(bench: Any) -> None:
    seat, holdout = bench
    large, small = seat("large", "own.Model(0, ballast=300_000_000)"), seat("small", "own.Model(0)")
    called = call((large, small), holdout, Asked(), Plan(pairs=10, batch=50, budget=60.0, starts=2), quiet)

    assert [[len(calls) for calls in start] for start in called.times] == [[6, 6], [6, 6]]
    assert [len(starts) for starts in called.memory] == [2, 2]
    assert min(called.memory[0]) - max(called.memory[1]) > 200_000_000


def test_one_model_is_called_alone_until_the_time_is_over(bench: Any) -> None:
    seat, holdout = bench
    plan = replace(PLAN, pairs=20_000, budget=0.5)
    called = call((seat("alone", "own.Plain(0, 'values')"),), holdout, Asked(), plan, quiet)

    assert 0 < len(called.times[0][0]) < 20_000


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("own.Plain(0, 'broken')", "ValueError: no prediction today"),
        ("own.Plain(0, 'dead')", "ended without a word"),
        ("{}", "no method predict"),
    ],
)
def test_a_model_that_cannot_be_called_is_named_with_what_it_said(bench: Any, written: str, why: str) -> None:
    seat, holdout = bench
    with pytest.raises(Uncalled) as caught:
        call((seat("whole", "own.Model(0)"), seat("other", written)), holdout, Asked(), PLAN, quiet)

    assert caught.value.model == 1
    assert why in caught.value.why


def test_too_few_examples_for_a_call_are_said(bench: Any) -> None:
    seat, holdout = bench
    with pytest.raises(Uncalled, match="50 examples, and a call is to have 51"):
        call((seat("one", "own.Model(0)"),), holdout, Asked(), replace(PLAN, batch=51), quiet)


def test_what_cannot_be_measured_leaves_what_can(bench: Any) -> None:
    seat, holdout = bench
    one = seat("one", "own.Model(0)")
    unscored = Unscored(version="7", why="its package is gone")
    rig = Rig(
        interpreter=one.interpreter, holdout=holdout, asked=Asked(), plan=PLAN, production=lambda: _opened(unscored)
    )
    found = operate(one.payload, rig, quiet)
    assert (found.operations.lacking, found.why) == ("production", "its package is gone")
    assert found.operations.candidate is not None

    command = replace(rig, asked=Asked(command="python score.py"), production=lambda: _opened(None))
    assert operate(one.payload, command, quiet).operations.lacking == "command"
    counted = replace(rig, plan=replace(PLAN, starts=0), production=lambda: _opened(one))
    found = operate(one.payload, counted, quiet)
    assert (found.operations.lacking, found.operations.timings) == (None, None)
    assert found.operations.production == found.operations.candidate


@pytest.mark.parametrize(
    ("ending", "text", "kept"),
    [
        (".csv", 'id,x\n1,"a\nb"\n2,c\n3,d\n', 'id,x\n1,"a\nb"\n2,c\n'),
        (".tsv", "id\tx\r\n1\ta\r\n2\tb\r\n3\tc\r\n", "id\tx\r\n1\ta\r\n2\tb\r\n"),
        (".jsonl", '{"x": "\\""}\n{"x": 2}\n{"x": 3}\n', '{"x": "\\""}\n{"x": 2}\n'),
        (".csv", "id,x\n1,a", "id,x\n1,a"),
    ],
)
def test_only_as_many_examples_are_read_as_calls_go_round(tmp_path: Path, ending: str, text: str, kept: str) -> None:
    (tmp_path / f"holdout{ending}").write_bytes(text.encode())
    found = excerpt(str(tmp_path / f"holdout{ending}"), str(tmp_path), 2)

    assert Path(found).read_bytes() == kept.encode()


def test_of_parquet_only_the_first_rows_are_read_with_their_types(tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([1, 2, 3], pa.int8()), "word": pa.array(["a", "b", "a"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "holdout.parquet")
    found = pq.read_table(excerpt(str(tmp_path / "holdout.parquet"), str(tmp_path), 2))

    assert (found.num_rows, found.schema.types) == (2, table.schema.types)


@pytest.mark.parametrize(
    "written",
    ['{"times": [], "memory": []}', '{"times": 7}', '{"times": [[[1], [1, 2]]], "memory": [[1, 1]]}', "[" * 9, "{}"],
)
def test_an_answer_that_a_model_wrote_in_the_conductors_place_is_refused(
    bench: Any, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    seat, holdout = bench
    one, other = seat("one", "own.Model(0)"), seat("other", "own.Model(0)")
    monkeypatch.setattr(
        "mlci.adapters.scoring.timing.run",
        lambda order, _: Path(order.cwd, "answer.json").write_text(written),
    )
    with pytest.raises(Uncalled) as caught:
        call((one, other), holdout, Asked(), PLAN, quiet)

    assert caught.value.model is None


@pytest.mark.parametrize(("pairs", "starts", "each"), [(1000, 20, 50), (1000, 30, 34), (20_000, 30, 666), (1, 3, 2)])
def test_each_model_is_first_as_often_as_the_other_in_every_start(pairs: int, starts: int, each: int) -> None:
    assert _pairs_of_start(replace(PLAN, pairs=pairs, starts=starts)) == each
