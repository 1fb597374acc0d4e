"""The one job to require: what makes it red, and what may be missing without a word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.errors import SeveralErrors, UsageError
from mlci.steps import conclude

# The jobs that plan may excuse, as most of these tests name them.
GATE: Any = {"model_jobs": ("gate",)}


def concluded(needs: str, **lists: Any) -> Report:
    return conclude.run(conclude.read_needs(needs), **lists)


def needs(**results: str) -> str:
    return json.dumps({name: {"result": result, "outputs": {}} for name, result in results.items()})


def with_plan(result: str = "success", model: str = "false", reason: str = "only docs", **results: str) -> str:
    plan = {"plan": {"result": result, "outputs": {"model": model, "reason": reason}}}
    return json.dumps({**plan, **json.loads(needs(**results))})


def judged(report: Report) -> list[tuple[str, str, str | None]]:
    return [(finding.id, finding.verdict.value, finding.reason) for finding in report.findings]


def test_all_needed_jobs_succeeded() -> None:
    report = concluded(needs(gate="success", lint="success"), expect=("gate",))

    assert (report.step, report.verdict, report.reason) == ("conclude", Verdict.PASS, "all 2 needed jobs succeeded")
    assert judged(report) == [("job:gate", "pass", None), ("job:lint", "pass", None)]
    assert concluded(needs(gate="success")).reason == "gate succeeded"


@pytest.mark.parametrize(
    ("result", "reason", "sentence"),
    [
        ("failure", "failed", "gate failed"),
        ("cancelled", "cancelled", "gate was cancelled"),
        ("skipped", "skipped", "gate was skipped and nothing permits that"),
        ("timed_out", "unknown", "gate ended as timed_out"),
        ("Success", "unknown", "gate ended as Success"),
        ("", "unknown", "gate ended as ''"),
        ("running", "unknown", "gate has not ended"),
        ("waiting_for_resource", "unknown", "gate has not ended"),
    ],
)
def test_a_job_that_did_not_succeed_is_red_and_named(result: str, reason: str, sentence: str) -> None:
    report = concluded(needs(lint="success", gate=result))

    assert (report.verdict, report.reason) == (Verdict.FAIL, sentence)
    assert judged(report)[1] == ("job:gate", "fail", reason)
    assert report.findings[1].explanation


def test_a_job_that_has_not_ended_is_waited_for_in_a_later_stage() -> None:
    (finding,) = concluded(needs(gate="pending")).findings
    assert finding.explanation is not None
    assert "a later stage" in finding.explanation
    permitted = concluded(needs(gate="pending"), may_fail=("gate",))
    assert (permitted.verdict, permitted.reason) == (Verdict.WARN, "gate has not ended, which is permitted")


def test_a_job_that_is_expected_and_not_needed_is_red() -> None:
    report = concluded(needs(lint="success"), expect=("gate", "lint", "gate"))

    assert (report.verdict, report.reason) == (Verdict.FAIL, "gate is expected and not among the needed jobs")
    assert judged(report) == [("job:lint", "pass", None), ("job:gate", "fail", "missing")]


def test_a_job_that_needs_nothing_proves_nothing() -> None:
    report = concluded("{}")

    assert (report.verdict, report.reason) == (Verdict.FAIL, "nothing is needed")
    assert concluded("{}", expect=("gate",)).reason == "gate is expected and not among the needed jobs"


def test_the_sentence_names_a_few_jobs_and_counts_the_others() -> None:
    report = concluded(needs(a="failure", b="success", c="cancelled", d="skipped", e="failure", f="failure"))

    assert report.reason == "a failed; c was cancelled; d was skipped and nothing permits that; and 2 more"


# Permissions


def test_a_job_that_may_be_skipped_may_not_fail() -> None:
    skipped = concluded(needs(lint="success", docs="skipped"), may_skip=("docs",))

    assert skipped.reason == "1 of 2 needed jobs succeeded; docs was skipped, which is permitted"
    assert judged(skipped)[1] == ("job:docs", "pass", "skipped")
    for result in ("failure", "cancelled", "odd"):
        assert concluded(needs(lint="success", docs=result), may_skip=("docs",)).verdict is Verdict.FAIL


def test_a_job_that_may_fail_is_listed_and_may_not_be_skipped() -> None:
    for result, word in (("failure", "failed"), ("cancelled", "was cancelled"), ("odd", "ended as odd")):
        report = concluded(needs(lint="success", docs=result), may_fail=("docs",))
        assert (report.verdict, report.reason) == (Verdict.WARN, f"docs {word}, which is permitted")
    assert concluded(needs(lint="success", docs="skipped"), may_fail=("docs",)).verdict is Verdict.FAIL


def test_a_permission_is_for_its_job_alone() -> None:
    report = concluded(needs(a="skipped", b="skipped", c="failure"), may_skip=("a",), may_fail=("b",))

    assert [verdict for _, verdict, _ in judged(report)] == ["pass", "fail", "fail"]


def test_permissions_for_jobs_that_nobody_needs_are_all_errors_with_the_nearest_name() -> None:
    with pytest.raises(SeveralErrors) as caught:
        concluded(
            needs(gate="success", lint="success"),
            model_jobs=("lnit",), may_skip=("gaet",), may_fail=("zzzzzz", "lint"),
        )  # fmt: skip

    assert [problem.cause for problem in caught.value.problems] == [
        "--model-jobs names lnit, which is not a needed job",
        "--may-skip names gaet, which is not a needed job", "--may-fail names zzzzzz, which is not a needed job",
    ]  # fmt: skip
    assert [problem.help for problem in caught.value.problems] == [
        "did you mean lint?", "did you mean gate?", "the needed jobs are: gate, lint",
    ]  # fmt: skip


def test_a_job_that_may_be_skipped_and_is_expected_must_still_be_there() -> None:
    report = concluded(needs(lint="success"), expect=("docs",), may_skip=("docs",))

    assert judged(report)[1] == ("job:docs", "fail", "missing")


# What plan permits


def test_jobs_of_the_model_that_plan_lets_be_skipped_are_green_with_its_reason() -> None:
    report = concluded(with_plan(train="skipped", gate="skipped"), expect=("gate",), model_jobs=("train", "gate"))

    assert (report.verdict, report.reason) == (Verdict.PASS, "the change touches nothing of the model: only docs")
    assert judged(report) == [
        ("job:plan", "pass", None), ("job:train", "pass", "untouched"), ("job:gate", "pass", "untouched"),
    ]  # fmt: skip
    unsaid = concluded(with_plan(reason="", gate="skipped"), model_jobs=("gate",))
    assert unsaid.reason == "the change touches nothing of the model"


def test_what_plan_says_excuses_no_job_that_is_not_of_the_model() -> None:
    report = concluded(with_plan(test="skipped", gate="skipped", docs="skipped"), **GATE, may_skip=("docs",))

    assert (report.verdict, report.reason) == (Verdict.FAIL, "test was skipped and nothing permits that")
    assert [reason for _, _, reason in judged(report)] == [None, "skipped", "untouched", "skipped"]
    assert "Name this one there" in (report.findings[1].explanation or "")
    assert "--model-jobs" in (report.findings[1].explanation or "")


def test_plan_lets_no_job_fail() -> None:
    report = concluded(with_plan(train="failure", gate="skipped"), model_jobs=("train", "gate"))

    assert (report.verdict, report.reason) == (Verdict.FAIL, "train failed")


@pytest.mark.parametrize("model", ["true", "", "False", "FALSE", " false", "0"])
def test_only_the_word_false_of_plan_permits_anything(model: str) -> None:
    report = concluded(with_plan(model=model, gate="skipped"), **GATE)

    assert report.reason == "gate was skipped and nothing permits that"
    assert "plan does not say that the model is untouched" in (report.findings[1].explanation or "")


@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped", "odd"])
def test_what_a_plan_that_did_not_succeed_says_does_not_count(result: str) -> None:
    text = with_plan(result=result, gate="skipped")
    report = concluded(text, **GATE, may_fail=("plan",), may_skip=("plan",))

    assert judged(report)[1] == ("job:gate", "fail", "skipped")
    assert "does not count" in (report.findings[1].explanation or "")


def test_only_the_job_that_is_named_as_plan_is_believed() -> None:
    text = with_plan(gate="skipped")

    assert concluded(text, **GATE, plan="other").verdict is Verdict.FAIL
    assert concluded(text, **GATE, plan=None).verdict is Verdict.FAIL
    assert "no needed job is called other" in (concluded(text, **GATE, plan="other").findings[1].explanation or "")
    assert concluded(text.replace('"plan"', '"touched"'), **GATE, plan="touched").verdict is Verdict.PASS


def test_a_plan_that_nobody_needs_matters_only_where_a_job_was_skipped() -> None:
    assert concluded(needs(gate="success"), **GATE).verdict is Verdict.PASS
    assert concluded(needs(gate="success", docs="skipped"), **GATE, may_skip=("docs",)).verdict is Verdict.PASS
    assert concluded(needs(gate="skipped"), **GATE).verdict is Verdict.FAIL


def test_what_plan_says_stays_on_its_line_and_short() -> None:
    said = "::error::x\n\x1b[31m\u202e\ud800" + "<img>" * 5000
    report = concluded(with_plan(reason=said, gate="skipped"), **GATE)

    assert report.reason.startswith("the change touches nothing of the model: ::error::x\\n\\x1b[31m\\u202e")
    assert report.reason.isprintable()
    assert len(report.reason) < 300
    report.reason.encode()


# What is not the JSON that a runner writes


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "is not an object of jobs"),
        ("null", "is not an object of jobs"),
        ('{"gate": {"result": "failure"}, "gate": {"result": "success"}}', "names gate twice"),
        ('{"gate": {"result": "failure", "result": "success"}}', "names result twice"),
        ('{"gate": "success"}', "does not say how the job gate ended"),
        ('{"gate": {}}', "does not say how the job gate ended"),
        ('{"gate": {"result": null}}', "does not say how the job gate ended"),
        ('{"": {"result": "success"}}', "does not say how the job '' ended"),
        ('{"gate": {"result": "success", "outputs": []}}', "outputs of the job gate"),
        ('{"gate": {"result": "success", "outputs": {"model": false}}}', "outputs of the job gate"),
        ('{"gate": {"result": "success", "outputs": {"a": 1' + "0" * 5000 + "}}}", "is not JSON"),
        ("[" * 200_000, "is nested too deeply"),
        ('{"gate": {"result": "success"}}' + " " * (1 << 20), "is longer than 1 MiB"),
    ],
)
def test_needs_that_no_runner_writes_are_a_usage_error(text: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        concluded(text)

    assert caught.value.cause.startswith("--needs ")
    assert what in caught.value.cause
    assert caught.value.help == "give it ${{ toJSON(needs) }}"


@pytest.mark.parametrize("content", [{"result": "success"}, {"result": "success", "outputs": None, "more": 1}])
def test_a_job_without_outputs_is_one_that_has_none(content: dict[str, object]) -> None:
    assert concluded(json.dumps({"gate": content})).verdict is Verdict.PASS


def test_hostile_job_names_stay_on_their_line_and_short() -> None:
    name = "a\n::error::\x1b[31m" + "x" * 1000
    report = concluded(json.dumps({name: {"result": "failure"}}))

    assert all(text.isprintable() and len(text) < 200 for text in (report.reason, report.findings[0].id))


# A failure that the forge lets pass.


def test_a_failure_that_the_forge_lets_pass_is_red_unless_the_job_may_warn() -> None:
    report = concluded(needs(lint="success", gate="warning"))
    assert (report.verdict, report.reason) == (Verdict.FAIL, "gate failed, and its allow_failure hides that")

    for permitted in ({"may_warn": ("gate",)}, {"may_fail": ("gate",)}):
        report = concluded(needs(lint="success", gate="warning"), **permitted)
        assert report.verdict is Verdict.WARN

    report = concluded(needs(lint="success", gate="failure"), may_warn=("gate",))
    assert report.verdict is Verdict.FAIL, "a failure that nothing lets pass is one all the same"


def test_a_job_that_may_warn_has_to_be_one_of_the_jobs() -> None:
    with pytest.raises(UsageError, match="--may-warn names gat"):
        concluded(needs(gate="success"), may_warn=("gat",))
