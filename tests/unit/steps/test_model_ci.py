"""model-ci decides when to train, what its evidence says, and what an unscored production means."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from mlci.domain.estimate import Estimate
from mlci.domain.metric import METRICS
from mlci.domain.operation import Footprint, Handed, Operations
from mlci.domain.report import Subject
from mlci.domain.training import (
    Data,
    Environment,
    Inputs,
    OwnModule,
    PayloadFile,
    Production,
    Provenance,
    artifact_digest,
)
from mlci.domain.verdict import Verdict
from mlci.ports import Operated, Unscored, Version
from mlci.steps import model_ci
from mlci.steps.model_ci import Wanted
from mlci.testing.workshop import ENVIRONMENT, MemoryWorkshop

INPUTS = Inputs(code="1" * 64, params="2" * 64, data="3" * 64, environment="4" * 64, recipe="5" * 64, key="6" * 64)
HOLDOUT = Data(path="data/holdout.csv", digest="7" * 64)
FILES = (PayloadFile(path="model.joblib", digest="f" * 64, size=2048),)
ARTIFACT = artifact_digest(FILES, format="pickle", inputs=INPUTS)


def made_in(environment: Environment) -> Provenance:
    return Provenance(command="python train.py", seed=17, device="cpu", commit="8" * 40, environment=environment)


def wanted(**changed: Any) -> Wanted:
    asked = Wanted(model="churn", inputs=INPUTS, provenance=made_in, holdout=HOLDOUT, evaluator="9" * 64)
    return replace(asked, **changed)


def before(**changed: Any) -> MemoryWorkshop:
    """A workshop that knows the result of these inputs."""
    first = model_ci.run(wanted(**changed), MemoryWorkshop()).candidate
    return MemoryWorkshop(known={INPUTS.key: replace(first, origin="run 12")})


PRODUCTION = Production(
    file=Subject(name="baseline.csv", digest="b" * 64), version="3", artifact="0" * 64, holdout=HOLDOUT.digest,
    evaluator="9" * 64, how="its predictions were kept",
)  # fmt: skip


def test_what_was_never_trained_is_trained_and_scored() -> None:
    workshop = MemoryWorkshop()

    outcome = model_ci.run(wanted(), workshop)

    assert outcome.trained
    assert workshop.asked == ["earlier", "train", "score model.joblib", "production"]
    assert outcome.report.verdict is Verdict.PASS
    assert "nothing was trained from these inputs before" in outcome.report.reason


def test_evidence_is_a_statement_about_the_artifact_and_says_what_made_it() -> None:
    outcome = model_ci.run(wanted(), MemoryWorkshop())

    statement = json.loads(outcome.candidate.evidence)
    predicate = statement["predicate"]
    assert statement["subject"] == [{"name": "churn", "digest": {"sha256": ARTIFACT}}]
    assert predicate["inputs"]["key"] == INPUTS.key
    assert predicate["provenance"]["environment"]["packages"] == ENVIRONMENT.packages
    assert predicate["predictions"]["file"] == {"name": "candidate.csv", "digest": "c" * 64}
    assert predicate["training"]["seconds"] == 2.5
    assert outcome.report.evidence == {"model": hashlib.sha256(outcome.candidate.evidence).hexdigest()}


def test_the_same_inputs_train_nothing_and_their_evidence_is_the_very_same() -> None:
    workshop = before()

    outcome = model_ci.run(wanted(), workshop)

    assert not outcome.trained
    assert workshop.asked == ["earlier", "production"]
    assert outcome.candidate.evidence == workshop.known[INPUTS.key].evidence
    assert outcome.report.findings[0].reason == "reused"
    assert "run 12" in outcome.report.findings[0].message


@pytest.mark.parametrize("changed", [{"holdout": replace(HOLDOUT, digest="0" * 64)}, {"evaluator": "0" * 64}])
def test_another_holdout_or_evaluator_scores_the_earlier_model_and_trains_nothing(changed: dict[str, Any]) -> None:
    workshop = before()

    outcome = model_ci.run(wanted(**changed), workshop)

    assert workshop.asked == ["earlier", "score model.joblib", "production"]
    assert not outcome.trained
    predictions = outcome.candidate.predicate.predictions
    assert (predictions.holdout.digest, predictions.evaluator) == (
        changed.get("holdout", HOLDOUT).digest,
        changed.get("evaluator", "9" * 64),
    )
    assert outcome.candidate.predicate.training == workshop.known[INPUTS.key].predicate.training


def test_the_same_files_with_other_code_are_another_model() -> None:
    def of(digest: str) -> model_ci.Outcome:
        module = OwnModule(file=PayloadFile(path="mine.py", digest=digest, size=1), place="/work/mine.py")
        return model_ci.run(wanted(), MemoryWorkshop(code=(module,)))

    one, other = (of(digit * 64).candidate for digit in "ab")
    assert len({ARTIFACT, one.predicate.artifact, other.predicate.artifact}) == 3
    assert one.predicate.files == other.predicate.files == FILES
    assert one.payload.digest == one.predicate.artifact
    assert json.loads(one.evidence)["predicate"]["code"] == [{"path": "mine.py", "digest": "a" * 64, "size": 1}]


def test_an_earlier_result_that_cannot_be_scored_any_more_is_trained_again_and_that_is_said() -> None:
    workshop = replace(before(), unusable=True)

    outcome = model_ci.run(wanted(evaluator="0" * 64), workshop)

    assert outcome.trained
    assert workshop.asked == ["earlier", "score model.joblib", "train", "score model.joblib", "production"]
    assert "an earlier result (run 12) cannot be scored: the model cannot be loaded" in outcome.report.reason


def test_a_model_scored_again_keeps_what_it_was_made_from() -> None:
    workshop = before()
    of_now = wanted(evaluator="0" * 64, provenance=lambda environment: replace(made_in(environment), commit="f" * 40))

    assert model_ci.run(of_now, workshop).candidate.predicate.provenance.commit == "8" * 40


def test_a_reason_to_train_anyway_takes_no_earlier_result_and_says_whether_it_was_reproduced() -> None:
    outcome = model_ci.run(wanted(fresh="a schedule started the run"), before())

    assert outcome.trained
    assert "a schedule started the run" in outcome.report.reason
    assert "the very same model (run 12)" in outcome.report.findings[1].message


@pytest.mark.parametrize(
    ("fingerprint", "holdout", "said", "verdict"),
    [
        ("d" * 64, HOLDOUT, "other bytes and the same predictions on 200 probes", Verdict.PASS),
        ("0" * 64, HOLDOUT, "another model", Verdict.WARN),
        ("d" * 64, replace(HOLDOUT, digest="0" * 64), "its predictions cannot be compared", Verdict.PASS),
    ],
)
def test_training_again_is_told_by_bytes_else_by_function(
    fingerprint: str, holdout: Data, said: str, verdict: Verdict
) -> None:
    workshop = before(holdout=holdout)
    known = workshop.known[INPUTS.key]
    predictions = replace(known.predicate.predictions, fingerprint=fingerprint)
    other = replace(known.predicate, artifact="9" * 64, predictions=predictions)
    workshop.known[INPUTS.key] = replace(known, predicate=other)

    found = model_ci.run(wanted(fresh="not wanted"), workshop).report.findings[1]

    assert (found.id, found.verdict) == ("model:again", verdict)
    assert said in found.message


def test_production_that_was_scored_is_named_with_where_its_predictions_come_from() -> None:
    outcome = model_ci.run(wanted(), MemoryWorkshop(comparison=(PRODUCTION, "work/baseline.csv")))

    assert outcome.production == (PRODUCTION, "work/baseline.csv")
    assert outcome.report.baseline == Subject(name="churn version 3", digest="b" * 64)
    assert "version 3: its predictions were kept" in outcome.report.findings[-1].message


def test_production_that_cannot_be_scored_is_inconclusive_and_names_the_package() -> None:
    unscored = Unscored(version="3", why="its environment could not be made", missing="lightgbm==4.5.0")

    outcome = model_ci.run(wanted(), MemoryWorkshop(comparison=unscored))

    assert outcome.report.verdict is Verdict.INCONCLUSIVE
    assert outcome.production is None
    assert outcome.report.findings[-1].reason == "unscored"
    assert "lightgbm==4.5.0" in (outcome.report.findings[-1].explanation or "")


def test_a_dry_run_says_whether_it_would_train_and_trains_nothing() -> None:
    unknown, known = MemoryWorkshop(), before()

    assert "would be trained" in model_ci.would(wanted(), unknown).reason
    assert "would be taken (run 12)" in model_ci.would(wanted(), known).reason
    assert [*unknown.asked, *known.asked] == ["earlier", "earlier"]


def test_a_version_is_named_with_its_page() -> None:
    report = model_ci.run(wanted(), MemoryWorkshop()).report
    version = Version(model="churn", number="4", aliases=(), tags={}, page="https://registry.invalid/4")

    new, old = (model_ci.registered(report, version, new=one) for one in (True, False))

    assert new.findings[-1].message == "registered as churn version 4"
    assert "has this very model already" in old.findings[-1].message
    assert new.links == {"registry": "https://registry.invalid/4"}


def test_the_candidates_own_metrics_are_shown_even_with_nothing_to_compare() -> None:
    report = model_ci.run(wanted(), MemoryWorkshop()).report
    f1 = Estimate(metric=METRICS["f1"], n=200, candidate=0.8741, candidate_interval=(0.8612, 0.8859))
    nothing = Estimate(metric=METRICS["roc_auc"], n=200, undefined="one class only")

    assert model_ci.measured(report, [f1, nothing]).findings[-1].message == "on the holdout: f1 0.8741 [0.8612, 0.8859]"
    assert model_ci.measured(report, [nothing]) == report


def test_other_code_scores_again_what_a_command_of_the_users_scores() -> None:
    workshop = before()
    known = workshop.known[INPUTS.key]
    workshop.known[INPUTS.key] = replace(known, predicate=replace(known.predicate, format="command"))
    other = replace(INPUTS, code="0" * 64)

    model_ci.run(wanted(inputs=other), workshop)

    assert workshop.asked == ["earlier", "score model.joblib", "production"]


def test_how_the_models_run_is_handed_on_and_said_only_where_somebody_asks() -> None:
    measured = Operations(candidate=Footprint(size=2_048_000), hardware="AMD EPYC\x1b[2J, 2 cores")
    asked = model_ci.run(wanted(), MemoryWorkshop(operated=Operated(operations=measured, production="9" * 64)))

    assert asked.operations == Handed(candidate=ARTIFACT, production="9" * 64, operations=measured)
    finding = asked.report.findings[-1]
    assert (finding.id, finding.verdict) == ("model:operations", Verdict.PASS)
    assert "2.0 MiB of files" in finding.message
    assert "\x1b" not in finding.message
    assert model_ci.run(wanted(), MemoryWorkshop()).operations is None


def test_what_could_not_be_measured_is_inconclusive_and_says_why() -> None:
    lacking = Operated(operations=Operations(lacking="production"), why="it needs\x1b a module")
    outcome = model_ci.run(wanted(), MemoryWorkshop(operated=lacking))

    assert outcome.report.verdict is Verdict.INCONCLUSIVE
    assert "production could not be loaded" in outcome.report.reason
    assert "\x1b" not in outcome.report.reason
