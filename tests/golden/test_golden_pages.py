"""Model card and release notes as a reviewer reads them, one of each with every name hostile."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cmarkgfm
import pytest
from golden.reports import BASELINE, CANDIDATE, HOSTILE, compared
from golden.test_golden import check

from mlci.domain.evidence import Coverage, GatePredicate, Slice
from mlci.domain.finding import Finding, Waived
from mlci.domain.release.card import Page, Proven, model_card, release_notes
from mlci.domain.release.evidence import ApprovalPredicate
from mlci.domain.release.people import Approver
from mlci.domain.report import Subject
from mlci.domain.training import (
    Data,
    Environment,
    Inputs,
    ModelPredicate,
    PayloadFile,
    Predictions,
    Provenance,
    Usage,
)
from mlci.domain.verdict import Verdict
from mlci.domain.wear import Wear
from mlci.render.page import page

HERE = Path(__file__).parent / "pages"
INPUTS = Inputs(code="1" * 64, params="2" * 64, data="3" * 64, environment="4" * 64, recipe="5" * 64, key="6" * 64)


def version(number: str, *, depth: int = 3, name: str = "churn", said: str = "") -> Proven:
    """A version; ``said`` stands wherever somebody else chooses the words."""
    environment = Environment(
        python="3.11.7", platform="Linux-x86_64", digest="e" * 64,
        packages={"numpy": "2.4.6", "scikit-learn": f"1.{depth}.0", "pip": "25.0"},
        loaded={"numpy": "2.4.6", "scikit-learn": f"1.{depth}.0"},
    )  # fmt: skip
    provenance = Provenance(
        commit=f"{depth}c0ffee" * 5, command=said or "python train.py", seed=17, device="cpu",
        params={"model": {"depth": depth, said or "eta": said or 0.1}}, environment=environment,
        data=Data(path=said or "data/train.parquet", digest=f"{depth}" * 64, columns={"age": "int64"}),
        run=said or "https://forge.example/runs/17",
    )  # fmt: skip
    model = ModelPredicate(
        model=name, format="pickle", artifact=f"{depth}a" * 32,
        inputs=replace(INPUTS, params=f"{depth}" * 64, data=f"{depth}" * 64),
        files=(PayloadFile(path="model.pkl", digest="f" * 64, size=12_345),), provenance=provenance,
        predictions=Predictions(
            file=Subject(name="candidate.parquet", digest="b" * 64), rows=4000,
            holdout=Data(path=said or "data/holdout.parquet", digest="d" * 64), evaluator="c" * 64,
            fingerprint="9" * 64, probe=1000,
        ),
        training=Usage(seconds=93.0, cpu_seconds=180.0, peak_memory=1 << 30),
        scoring=Usage(seconds=3.0, cpu_seconds=3.0, peak_memory=1 << 28), mlci="0.1.0",
    )  # fmt: skip
    return Proven(version=number, model=model, digests={"data": "7" * 64, "model": "8" * 64, "gate": "0" * 64})


def judged(proven: Proven, said: str = "") -> Proven:
    """The same with a verdict and two people's words."""
    slice = said or "region=north"
    findings = (
        compared("f1", 0.88, 0.87, 0.004, candidate_interval=(0.871, 0.889)),
        Finding(
            id="minimum:f1", rule="minimum", verdict=Verdict.PASS, message="f1 0.88 is at least 0.85", metric="f1",
            better="higher", candidate=0.88, limit=0.85,
        ),
        compared("f1", 0.80, 0.84, 0.01, slice=slice, verdict=Verdict.WARN, margin=0.02),
        Finding(
            id="maximum:equal_opportunity_difference[gender]", rule="maximum", verdict=Verdict.PASS,
            message="fine", metric="equal_opportunity_difference", slice="f against m", better="lower",
            candidate=0.03, candidate_interval=(0.01, 0.06), limit=0.1,
        ),
        Finding(
            id="compare:brier", rule="compare", verdict=Verdict.WARN, metric="brier", better="lower",
            message=said or "brier 0.12 vs production 0.11", candidate=0.12, baseline=0.11,
            waived=Waived(
                verdict=Verdict.FAIL, scope="compare:brier", reason=said or "recalibrated downstream",
                owner=said or "alice", expires="2026-12-31",
            ),
        ),
    )  # fmt: skip
    gate = GatePredicate(
        candidate=CANDIDATE, baseline=replace(BASELINE, name=said or "churn version 4"), policy_digest="cd" * 32,
        policy={}, verdict=Verdict.WARN, reason=said or "one loss is accepted", findings=findings, statistics=(),
        mlci="0.1.0", evaluation_set="ee" * 32, assumptions=(said or "id: column id of the holdout, by its name",),
        wear=Wear(look=3, looks=12, at_least=True),
        coverage=Coverage(
            task="binary", gives=("prediction", "score"), identical=False, missing=(0, 0), alone=(),
            slices=(Slice(column="region", name=slice, n=812),),
        ),
    )  # fmt: skip
    approval = ApprovalPredicate(
        candidate=CANDIDATE, gate="0" * 64, verdict=Verdict.WARN, tier="high", needed=2, satisfied=False,
        why=(said or "src/model/net.py changed, which belongs to high",), policy_digest="ab" * 32, mlci="0.1.0",
        approvers=(
            Approver(
                id=7, login=said or "alice", where="review", at="2026-12-01T10:00:00Z", seen="2026-12-01T11:00:00Z"
            ),
        ),
        refused=(Approver(id=8, login="bob", where="comment", seen="2026-12-01T11:00:00Z"),),
    )  # fmt: skip
    return replace(proven, gate=gate, approval=approval)


COMPARE = "https://forge.example/acme/churn/compare/3c0ffee...4c0ffee"
PAGES: dict[str, Callable[[], Page]] = {
    "card": lambda: model_card(judged(version("5", depth=4))),
    "card-unjudged": lambda: model_card(version("5")),
    "card-hostile": lambda: model_card(judged(version("5", name=HOSTILE, said=HOSTILE), HOSTILE)),
    "notes": lambda: release_notes("production", version("4"), judged(version("5", depth=4)), compare=COMPARE),
    "notes-first": lambda: release_notes("production", None, judged(version("5"))),
    "notes-hostile": lambda: release_notes(
        HOSTILE, version("4", name=HOSTILE, said="x" + HOSTILE), judged(version("5", said=HOSTILE), HOSTILE),
        compare="javascript:alert(1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_as_it_was_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    check(HERE / f"{name}.md", page(PAGES[name]()), request.config.getoption("--update-golden"))


def test_no_page_is_left_over() -> None:
    assert {path.stem for path in HERE.iterdir()} == set(PAGES)


@pytest.mark.parametrize("name", ["card-hostile", "notes-hostile"])
def test_no_markup_of_others_survives(name: str) -> None:
    written = page(PAGES[name]())
    plain = re.sub("hostile", "", name).strip("-")
    html, good = (
        cmarkgfm.github_flavored_markdown_to_html(written),
        cmarkgfm.github_flavored_markdown_to_html(page(PAGES["card" if plain == "card" else "notes"]())),
    )
    tags = set(re.findall(r"<([a-z0-9]+)", html))
    assert tags <= {"h1", "h2", "ul", "li", "p", "table", "thead", "tbody", "tr", "th", "td"}, tags
    assert html.count("<h2>") == good.count("<h2>")
    assert "@octocat" not in written
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]", written)


def test_the_same_model_again_is_said() -> None:
    notes = page(release_notes("production", version("4"), version("5")))
    assert "Both are the very same model." in notes
    assert "Training read the very same inputs." in notes


def test_what_changed_is_all_there() -> None:
    notes = page(PAGES["notes"]())
    assert "| model.depth | 3 | 4 |" in notes
    assert "| scikit-learn | 1.3.0 | 1.4.0 |" in notes
    assert "numpy" not in notes
    assert f"[commits](<{COMPARE}>)" in notes
    assert "goes back to version 4: mlci rollback --stage production" in notes


def test_a_table_that_nobody_would_read_is_cut_and_counted() -> None:
    many = version("5")
    params = {f"layer{number}": number for number in range(5000)}
    many = replace(many, model=replace(many.model, provenance=replace(many.model.provenance, params=params)))
    written = page(model_card(many))
    assert len(written) < 20_000
    assert "4 909 more rows stand in the evidence" in written
