"""Every benchmark runs on a tiny size and prints its row; what the figures are is not judged here."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from forge.fixtures import need_description

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TINY = {
    "startup": ["--rounds", "1"],
    "million_rows": ["--rows", "2000", "--rounds", "1"],
    "paired_interval": ["--rows", "2000", "--rounds", "1"],
    "slices": ["--rows", "5000", "--slices", "3", "--rounds", "1"],
    "streamed": ["--rows", "2000", "3000"],
    "gate_step": ["--rows", "500", "--rounds", "1", "--more-rows", "--python", sys.executable],
    "scoring": ["--quick", "--models", "LogisticRegression"],
    "registering": ["--quick"],
    "model_ci": ["--quick"],
    "release/ledger": ["--entries", "20", "--quick"],
    "gate/latency": ["--trials", "1", "--pairs", "40", "--starts", "2", "--slower", "0"],
    "calibration": ["--quick", "--worlds", "values", "--processes", "1"],
    "data/drift": ["--rows", "2000", "--rounds", "1"],
    "drift_simulation": ["--tables", "2", "--columns", "2", "--workers", "1"],
    "simulation": ["--rows", "2000", "--harmless", "2", "--harmful", "2", "--processes", "1"],
}
FIRST_CELLS = {
    "data/drift": ["mlci, first profile", "mlci, drift beside a stored profile"],
    "startup": ["mlci --help", "mlci gate-compare --help"],
    "million_rows": ["Parquet, same order", "Parquet, each in its own order", "CSV"],
    "paired_interval": ["accuracy", "f1", "roc_auc", "pr_auc", "log_loss", "brier", "rmse", "roc_auc", "accuracy"],
    "slices": ["3"],
    "streamed": ["2 000", "3 000"],
    "scoring": ["LogisticRegression"] * 2,
    "gate/latency": ["+0%"] * 6,
    "release/ledger": ["a promotion is recorded", "history", "history, one day", "verify"],
    "registering": ["mlci", "MlflowClient: log_artifacts, create_model_version"] * 2,
}


def _rows(output: str) -> list[list[str]]:
    lines = [line for line in output.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _run(name: str) -> str:
    folder = BENCHMARKS / "gate" if (BENCHMARKS / "gate" / f"{name}.py").exists() else BENCHMARKS
    command = [sys.executable, str(folder / f"{name}.py"), *TINY[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> object:
    """Import a benchmark by name, as its own folder sees it."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.mark.parametrize("name", FIRST_CELLS)
def test_a_benchmark_prints_one_full_row_for_each_thing_it_measures(name: str) -> None:
    header, rule, *rows = _rows(_run(name))
    assert set(rule) == {"---"}
    assert [row[0] for row in rows] == FIRST_CELLS[name]
    assert all(len(row) == len(header) and all(row) for row in rows)


def test_the_simulation_prints_every_cell_with_shares_that_add_up() -> None:
    output = _run("simulation")
    header, _, *rows = _rows(output)
    # Five candidates and one with a single bad slice, which needs slices; each judged by 1 and by 4 metrics.
    assert len(rows) == (5 * 5 + 4) * 2
    columns = [header.index(verdict) for verdict in ("pass", "warn", "inconclusive", "fail")]
    assert all(sum(float(row[column]) for column in columns) == pytest.approx(100) for row in rows)
    assert "Highest false-block rate: " in output


def test_the_calibration_prints_each_kind_of_metric_and_what_it_comes_to() -> None:
    output = _run("calibration")
    kinds = [row[0] for row in _rows(output)]
    assert {"rmse", "mae", "r2", "pearson", "p90_absolute_error"} <= set(kinds)
    for event in ("false block with a margin of 0", "false block", "false pass at the margin"):
        assert f"- {event}: mean " in output
    assert "### Many looks at one holdout" in output


def test_equal_models_of_the_simulation_are_exchangeable_and_as_good_as_asked(benchmark: object) -> None:
    simulation: ModuleType = benchmark("simulation")  # type: ignore[operator]
    import numpy as np

    holdout = simulation.draw(simulation.SCENARIOS[0], 400_000, 10, np.random.default_rng(3))
    right = [(model.labels == holdout.truth.codes).mean() for model in (holdout.candidate, holdout.baseline)]
    assert right == pytest.approx([0.90, 0.90], abs=0.002)
    assert (holdout.candidate.labels != holdout.baseline.labels).mean() == pytest.approx(0.06, abs=0.002)


def test_the_harmed_slice_loses_five_points_and_no_other_slice_loses_any(benchmark: object) -> None:
    simulation: ModuleType = benchmark("simulation")  # type: ignore[operator]
    import numpy as np

    scenario = next(scenario for scenario in simulation.SCENARIOS if scenario.one_slice)
    holdout = simulation.draw(scenario, 1_000_000, 10, np.random.default_rng(4))
    gain = (holdout.candidate.labels == holdout.truth.codes).astype(float)
    gain -= holdout.baseline.labels == holdout.truth.codes
    codes = holdout.slices["region"].codes
    changes = [gain[codes == code].mean() for code in range(10)]
    assert changes[0] == pytest.approx(-0.05, abs=0.004)
    assert changes[1:] == pytest.approx([0.0] * 9, abs=0.004)


def test_the_scheme_called_shipped_blocks_exactly_what_the_gate_blocks(benchmark: object) -> None:
    simulation: ModuleType = benchmark("simulation")  # type: ignore[operator]
    import numpy as np

    from mlci.domain.policy import GatePolicy

    scenario = next(scenario for scenario in simulation.SCENARIOS if scenario.name == "-0.01 everywhere")
    outcomes = []
    for seed in range(25):
        holdout = simulation.draw(scenario, 2_000, 10, np.random.default_rng(seed))
        count = simulation.judged(holdout, 4, GatePolicy())
        outcomes.append((count["fail"], count["shipped"]))
    assert all(shipped == scheme for shipped, scheme in outcomes)
    assert {shipped for shipped, _ in outcomes} == {0, 1}


def test_equal_weights_make_weighted_holm_the_plain_one(benchmark: object) -> None:
    simulation: ModuleType = benchmark("simulation")  # type: ignore[operator]
    p_values = [0.012, 0.5, 0.004, 0.03]
    assert simulation.weighted_holm(p_values, [1.0] * 4) == pytest.approx(simulation.holm(p_values))


def test_a_heavier_weight_makes_its_hypothesis_easier_to_reject(benchmark: object) -> None:
    simulation: ModuleType = benchmark("simulation")  # type: ignore[operator]
    assert simulation.weighted_holm([0.03, 0.5], [0.8, 0.2]) == pytest.approx([0.0375, 0.5])


def test_a_process_that_ends_otherwise_than_expected_stops_the_benchmark(benchmark: object) -> None:
    measure: ModuleType = benchmark("measure")  # type: ignore[operator]
    with pytest.raises(SystemExit, match="ended with 7:\nwhat went wrong"):
        measure.process([sys.executable, "-c", "print('what went wrong'); raise SystemExit(7)"])


def test_the_peak_of_a_process_contains_what_it_allocated(benchmark: object) -> None:
    measure: ModuleType = benchmark("measure")  # type: ignore[operator]
    small, large = (measure.process([sys.executable, "-c", f"block = b'x' * {size}"]) for size in (1, 200_000_000))
    # The child of a large test process starts from that process's own peak, so only growth beyond it shows.
    assert large.peak >= max(small.peak, 200_000_000)


def test_disk_use_is_told_with_and_without_compiled_files(benchmark: object, tmp_path: Path) -> None:
    install_size: ModuleType = benchmark("install_size")  # type: ignore[operator]
    (tmp_path / "a.py").write_bytes(b"x" * 10_000)
    plain_before, _ = install_size.size(tmp_path)
    (tmp_path / "a.pyc").write_bytes(b"x" * 50_000)
    plain, whole = install_size.size(tmp_path)
    assert plain == plain_before >= 10_000
    assert whole - plain >= 50_000


def test_a_ratio_has_three_digits_and_groups_of_three(benchmark: object) -> None:
    measure: ModuleType = benchmark("measure")  # type: ignore[operator]
    assert [measure.times(slow, 1.0) for slow in (0.66666, 4.6449, 12345.6)] == ["0.667×", "4.64×", "12 346×"]


def test_the_whole_gate_step_is_timed_and_taken_apart() -> None:
    need_description()
    ways, between, parts = _run("gate_step").split("\n\n")
    header, _, *rows = _rows(ways)
    assert [row[0] for row in rows] == ["installed, first step of a job", "installed, a later step"]
    assert all(len(row) == len(header) and all(row) for row in rows)
    assert re.fullmatch(r"\d+ requests a run; 500 rows a side\.", between)
    _, _, *rows = _rows(parts)
    *some, whole = ([int(cell) for cell in row[1:]] for row in rows)
    assert {"importing mlci", "importing numpy"} <= {row[0] for row in rows}
    assert whole == pytest.approx([sum(column) for column in zip(*some, strict=True)], abs=len(some))


def test_a_gate_step_that_posts_nothing_is_not_timed(benchmark: object, tmp_path: Path) -> None:
    need_description()
    proposal = benchmark("proposal").Proposal(tmp_path, 500)  # type: ignore[operator]
    unposted = {"MLCI_GATE_COMPARE_STATUS": "false", "MLCI_PYTHON": sys.executable, "RUNNER_TEMP": str(tmp_path)}
    try:
        with pytest.raises(SystemExit, match="has not posted both comment and status"):
            proposal.checked({**unposted, "PATH": "/usr/bin:/bin"})
    finally:
        proposal.close()


def _imported(package: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(package.parent))
    return importlib.import_module(package.name)


def test_the_time_of_an_import_is_charged_to_the_package_that_is_wanted(
    benchmark: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark("sampled")  # type: ignore[operator]
    package = tmp_path / "wanted_package"
    package.mkdir()
    (package / "__init__.py").write_text("import sys, sampled\nwho = sampled.part(sys._getframe())\n")
    assert _imported(package, monkeypatch).who == "importing wanted_package"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("adapters/http.py", "asking GitHub"),
        ("adapters/plain.py", "reading and writing files"),
        ("render/html.py", "rendering"),
        ("steps/judging.py", "judging"),
        ("ports.py", "the rest"),
    ],
)
def test_work_is_charged_to_the_module_of_ours_that_asked_for_it(benchmark: object, path: str, name: str) -> None:
    sampled = benchmark("sampled")  # type: ignore[operator]
    given = {"sampled": sampled, "library": lambda ask: ask()}
    exec(compile("import sys\nwho = library(lambda: sampled.part(sys._getframe()))", f"/a/mlci/{path}", "exec"), given)
    assert given["who"] == name


def test_wheels_may_be_cached_for_good_and_pages_briefly(benchmark: object, tmp_path: Path) -> None:
    wheels = benchmark("wheels")  # type: ignore[operator]
    import requests

    (tmp_path / "Some_thing-1.0-py3-none-any.whl").write_bytes(b"packed")
    wheels.lay_out(tmp_path)
    with wheels.served(tmp_path) as index, requests.Session() as session:
        session.trust_env = False
        page = session.get(index["PIP_INDEX_URL"] + "some-thing/")
        link = re.search('href="([^#]+)#sha256=', page.text)
        assert link is not None
        wheel = session.get(f"{page.url}{link[1]}")
    assert wheel.content == b"packed"
    assert [each.headers["Cache-Control"].split(",")[0] for each in (page, wheel)] == [
        "max-age=600",
        "max-age=365000000",
    ]


def test_a_run_of_the_command_line_does_not_search_for_cycles() -> None:
    """What that search costs shows only in a million rows, where it doubles the time of reading them."""
    program = "import gc, sys, mlci.cli.main as m\nm.run = lambda *_: gc.isenabled() + 40\nm.main()"
    done = subprocess.run([sys.executable, "-c", program], cwd=BENCHMARKS.parent, check=False)
    assert done.returncode == 40


def test_model_ci_is_timed_beside_the_bare_command_and_taken_apart() -> None:
    ways, parts = _run("model_ci").split("\n\n")
    header, _, bare, reused = _rows(ways)
    assert (bare[1], reused[1]) == ("the training command alone", "nothing changed: reused")
    assert bare[header.index("added, median")] == "+0.00 s"
    assert all(len(row) == len(header) and all(row) for row in (bare, reused))
    _, _, *rows = _rows(parts)
    spent = {name: int(milliseconds) for name, milliseconds in rows}
    # What is reused was not trained, and the other parts are where the benchmark looks for them.
    assert (spent["the training command"], spent["scoring the candidate"]) == (0, 0)
    assert all(spent[name] > 0 for name in ("git and the inputs key", "MLflow: import and opening the database"))


def test_a_part_within_a_part_is_charged_alone(benchmark: object, monkeypatch: pytest.MonkeyPatch) -> None:
    phases: ModuleType = benchmark("phases")  # type: ignore[operator]
    now = [100.0]
    monkeypatch.setattr(phases.time, "perf_counter", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    clock = phases.Clock()
    inner = clock.around("inner", wait)
    outer = clock.around("outer", lambda: (wait(1), inner(2), wait(4)))
    wait(8)
    outer()
    assert clock.spent == {"outer": 5.0, "inner": 2.0}


def test_serving_is_measured_beside_its_peer_and_no_request_fails() -> None:
    words = ["--rounds", "1", "--seconds", "0.3", "--swaps", "1"]
    command = [sys.executable, str(BENCHMARKS / "release" / "serve.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = _rows(done.stdout)
    assert [row[:3] for row in rows if row[0] in ("1", "100") and len(row) == 8] == [
        [count, clients, name]
        for count, clients in (("1", "1"), ("1", "4"), ("100", "4"))
        for name in ("mlci serve", "mlflow models serve")
    ]
    assert {row[-1] for row in rows if len(row) > 2 and row[-1] not in ("failed", "---")} == {"0"}


def test_the_simulation_of_drift_prints_a_line_for_each_size_and_shift() -> None:
    header, _, *rows = _rows(_run("drift_simulation"))
    # Nine sizes by four shifts, and eleven of one column alone.
    assert len(rows) == 9 * 4 + 11
    assert all(len(row) == len(header) and 0 <= float(row[-1]) <= 100 for row in rows)
    # A hundred rows beside ten thousand: the fixed threshold calls noise drift, and the two-part rule does not.
    few = next(row for row in rows if row[:2] == ["10,000", "100"] and row[3] == "0")
    assert float(few[header.index("ours, % of columns")]) < float(few[header.index("PSI > 0.1, % of columns")])
