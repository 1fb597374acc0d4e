"""The bytes of the evidence: the same with one thread and with two, and in a process of its own."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from judging import finding, given, ids, policy, report, with_columns
from test_steps_metamorphic import PAIRS

import mlci
from mlci.domain.report import Subject
from mlci.domain.verdict import Verdict
from mlci.steps.gate_compare import run

# More examples than a linear algebra library leaves to one thread, with ties, groups, weights and repeated ids.
SCRIPT = """
import sys
sys.path[:0] = {folders!r}
from test_steps_determinism import digest
print(digest())
"""
ROWS = 30_000
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def digest() -> str:
    """sha256 over the evidence of labels, scores and values, as independent examples, as groups, and with weights."""
    random = np.random.default_rng(1)
    truth, level = random.integers(0, 2, ROWS), random.normal(5, 2, ROWS)
    extras = ({}, {"group": [f"g{row % 700}" for row in range(ROWS)]}, {"weight": random.random(ROWS)})
    found = hashlib.sha256()
    for more in extras:
        sides = []
        for _ in range(2):
            score = np.round(np.clip(0.3 * truth + 0.7 * random.random(ROWS), 0.01, 0.99), 3)
            columns = {"id": ids(ROWS), "y": truth, "pred": score > 0.5, "score": score, "cost": random.random(ROWS)}
            sides.append({**columns, "pred": (score > 0.5).astype(int), **more})
        asked = policy("accuracy", "f1", "mcc", "roc_auc", "pr_auc", "log_loss", "brier")
        found.update(_evidence(sides, asked))
        values = [{"id": ids(ROWS), "y": level, "pred": level + random.normal(size=ROWS), **more} for _ in range(2)]
        found.update(_evidence(values, policy("rmse", "r2", "pearson", "median_absolute_error", "wape")))
    return found.hexdigest()


def _evidence(sides: list[dict[str, object]], asked: object) -> bytes:
    named = [
        replace(given(each, name), subject=Subject(name=name, digest="0" * 64))
        for each, name in zip(sides, ("candidate", "production"), strict=True)
    ]
    return run(*named, asked).evidence


def test_the_bytes_of_the_evidence_are_the_same_with_any_number_of_threads() -> None:
    here = Path(__file__).parent
    script = SCRIPT.format(folders=[str(here), *(path for path in sys.path if path)])
    found = {
        subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, **dict.fromkeys(THREADS, threads)}, capture_output=True,
            text=True, check=True,
        ).stdout
        for threads in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1
    assert found == {digest() + "\n"}


def test_nothing_that_is_measured_goes_through_a_dot_product() -> None:
    """Its last digit depends on the number of threads; a sum is added in pairs, always the same."""
    package = Path(mlci.__file__).parent
    for folder in ("stats", "steps", "domain"):
        for file in sorted((package / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                multiplied = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
                called = isinstance(node, ast.Attribute) and node.attr in ("dot", "vdot", "inner", "matmul", "einsum")
                used = multiplied or called
                assert not used, f"{file.relative_to(package)}:{getattr(node, 'lineno', 0)}"


@pytest.mark.parametrize(("groups", "expected"), [(4, Verdict.INCONCLUSIVE), (12, Verdict.WARN), (60, Verdict.PASS)])
@pytest.mark.parametrize("kind", PAIRS)
def test_few_groups_qualify_every_metric(kind: str, groups: int, expected: Verdict) -> None:
    _, baseline, names = PAIRS[kind]
    # A candidate that is better everywhere, so that nothing but the groups keeps it from a plain pass.
    better = dict(baseline)
    if kind == "values":
        better["pred"] = np.asarray(baseline["y"]) + 0.2 * (np.asarray(baseline["pred"]) - np.asarray(baseline["y"]))
    else:
        truth = np.asarray(baseline["y"])
        right = np.arange(len(truth)) % 10 > 0
        better["pred"] = np.where(right, truth, baseline["pred"])
        if "score" in baseline:
            better["score"] = np.where(right, 0.98 * truth + 0.01, baseline["score"])
        for code in range(3):
            if f"y_score_{code}" in baseline:
                sure = np.where(truth == code, 0.98, 0.01)
                better[f"y_score_{code}"] = np.where(right, sure, baseline[f"y_score_{code}"])
    group = [f"g{row % groups}" for row in range(len(baseline["id"]))]
    found = report(*(with_columns(each, group=group) for each in (better, baseline)), policy(*names, tolerance=0.3))
    for name in names:
        one = finding(found, f"compare:{name}")
        assert one.verdict is expected, (name, one.message, one.reason)
        if expected is not Verdict.PASS:
            # Of four groups not even one lies beyond the ninetieth percentile.
            assert one.reason == ("undefined" if (name, groups) == ("p90_absolute_error", 4) else "clusters"), name
