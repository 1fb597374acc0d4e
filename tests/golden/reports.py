"""Reports as a gate would make them: one for each way a comparison can end, and one in which every name is hostile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlci.domain.figures import as_written, figure, on_scale
from mlci.domain.finding import Finding
from mlci.domain.report import Histogram, Report, Section, Subject
from mlci.domain.verdict import Verdict
from mlci.domain.waiver import Waiver, held

CANDIDATE = Subject(name="candidate.csv", digest="3f5a9c0e7d41b2866a1f0c95e2d7b8431c6f5e0a9d8b7c6e5f4a3b2c1d0e9f88")
BASELINE = Subject(name="production.csv", digest="a81b7c6d5e4f30291827364554637281900f1e2d3c4b5a69788796a5b4c3d2e1")

# A right-to-left override, a terminal's "clear screen", a link, a mention, a table's pipe, a tag, a comment, a fence.
HOSTILE = (
    "::error::x ##[add-mask]e\r\n::set-output name=a::b \x1b[2J\x1b]8;;http://evil.example\x07click\x1b]8;;\x07 "
    "\u202egnp\u2066 |x| `a` ``` @octocat #1 org/repo#2 GH-3 !4 %5 ~6 $7 &8 :tada: a@b.example "
    "http://evil.example www.evil.example [a](http://evil.example) ![i](http://evil.example/i.png) "
    "<img src=x onerror=alert(1)> <script>alert(2)</script> <!-- mlci --> --> ]]> &lt;b&gt; "
    "<a href='javascript:alert(3)'>x</a> </details> \\| **b** __b__ ~~b~~ \x00\x08\ufffe\ud800"
)

REGRESSION = (
    "Even the better bound lies beyond the accepted loss. "
    "A candidate that loses less, or a wider tolerance, would pass."
)
BOUNDARY = (
    "The bounds lie on both sides of the accepted loss, so neither loss nor safety is shown. "
    "More examples would narrow them."
)
TOTALS_ONLY = "Only totals were given, so noise cannot be told from loss. Predictions per example would settle it."


def compared(metric: str, candidate: float, baseline: float, error: float, **more: Any) -> Finding:
    """A comparison judged as the gate does: two bounds at 95 %, a margin of one point."""
    better = more.pop("better", "higher")
    margin = more.pop("margin", 0.01)
    accepted = margin or 0.0
    relative = more.get("scale") == "relative"
    difference = (candidate - baseline) / (baseline if relative else 1.0)
    interval = (difference - 1.645 * error, difference + 1.645 * error)
    sign = 1.0 if better == "higher" else -1.0
    low, high = sorted(sign * bound for bound in interval)
    verdict = more.pop("verdict", None) or (
        Verdict.PASS if low > -accepted else Verdict.FAIL if high < -accepted else Verdict.INCONCLUSIVE
    )
    if verdict is Verdict.PASS and low > 0:
        more.setdefault("reason", "better")
    if verdict is Verdict.FAIL:
        more.setdefault("reason", "regression")
        more.setdefault("explanation", REGRESSION)
    if verdict is Verdict.INCONCLUSIVE:
        more.setdefault("reason", "interval")
        more.setdefault("leaning", "ok" if sign * difference > -accepted else "worse")
        more.setdefault("explanation", BOUNDARY)
        more.setdefault("rows_needed", 6400)
    where = more.get("slice")
    name = f"{metric}[{where}]" if where else metric
    typical = max(abs(candidate), abs(baseline))
    change, lowest, highest = (
        on_scale(value, relative=relative, against=better, signed=True, like=typical)
        for value in (difference, *interval)
    )
    return Finding(
        id=f"compare:{name}",
        rule="compare",
        verdict=verdict,
        message=(
            f"{name} {figure(candidate, better)} vs production {figure(baseline, better)}: "
            f"difference {change}, bounds [{lowest}, {highest}] "
            f"(one-sided 95 %), margin {as_written(accepted, relative=relative)}: {verdict.value}"
        ),
        metric=metric,
        better=better,
        candidate=candidate,
        baseline=baseline,
        difference=difference,
        standard_error=error,
        interval=interval,
        margin=margin,
        scale=more.pop("scale", "absolute"),
        method=more.pop("method", "paired influence functions"),
        n=more.pop("n", 2000),
        p_worse=more.pop("p_worse", 0.21),
        detectable=more.pop("detectable", round(2.486 * error, 6)),
        **more,
    )


def limited(metric: str, candidate: float, limit: float, **more: Any) -> Finding:
    """An absolute threshold, met or missed by the point estimate."""
    met = candidate >= limit
    if not met:
        more.setdefault("reason", "threshold")
        more.setdefault("explanation", f"The value is below the limit of {limit:g}. A better candidate would pass.")
    verdict = Verdict.PASS if met else Verdict.FAIL
    return Finding(
        id=f"minimum:{metric}",
        rule="minimum",
        verdict=verdict,
        message=f"{metric} {candidate:.4f} against at least {limit:g}: {verdict.value}",
        metric=metric,
        better="higher",
        candidate=candidate,
        limit=limit,
        n=more.pop("n", 2000),
        **more,
    )


def report(verdict: Verdict, reason: str, *findings: Finding, **more: Any) -> Report:
    settings: dict[str, Any] = {
        "step": "gate-compare",
        "model": "churn",
        "candidate": CANDIDATE,
        "baseline": BASELINE,
        "examples": 2000,
        "confidence": 0.95,
        "evidence": {"gate": "sha256:9d8b7c6e5f4a3b2c1d0e9f883f5a9c0e7d41b2866a1f0c95e2d7b8431c6f5e0a"},
    }
    return Report(verdict=verdict, reason=reason, findings=findings, **(settings | more))


def passing() -> Report:
    return report(
        Verdict.PASS,
        "All 5 rules hold: no metric is worse than production by more than one point.",
        compared("accuracy", 0.9125, 0.9110, 0.0031),
        compared("f1", 0.8812, 0.8733, 0.0039),
        compared("roc_auc", 0.9512, 0.9507, 0.0018),
        compared("brier", 0.0688, 0.0701, 0.0012, better="lower"),
        limited("f1", 0.8812, 0.88),
        assumptions=("No slices are declared, so only all examples together were judged.",),
    )


def warned() -> Report:
    return report(
        Verdict.WARN,
        "f1 may be worse than production by more than one point; 2 000 examples cannot tell.",
        compared("accuracy", 0.9105, 0.9110, 0.0031),
        compared("f1", 0.8711, 0.8783, 0.0039),
        assumptions=("No tolerance is set, so one point is taken.", "The positive class is taken to be 1."),
    )


def undecided() -> Report:
    """What is left open, which way it leans and what would decide it; and a gain that is asked for."""
    gain = compared("f1", 0.8871, 0.8783, 0.0039, verdict=Verdict.INCONCLUSIVE, leaning="worse", margin=None)
    return report(
        Verdict.WARN,
        "2 000 examples cannot show that accuracy loses no more than 0.01 (and 1 more).",
        compared("accuracy", 0.9021, 0.9110, 0.0051, rows_needed=12_366, labels_needed=619),
        compared("recall_micro", 0.9021, 0.9110, 0.0051, reason="boundary", rows_needed=12_366, labels_needed=619),
        replace(gain, improvement=0.01, message="f1 0.8871 vs production 0.8783: a gain of 0.01 asked: inconclusive"),
    )


def waived() -> Report:
    """A loss that somebody accepts, one whose time is over, and a waiver that nothing needs."""
    terms = Waiver(
        scope="compare:f1", reason="The new labels of the north count more.", owner="ada", expires="2026-12-31"
    )
    findings = held(
        (compared("accuracy", 0.9125, 0.9110, 0.0031), compared("f1", 0.8412, 0.8733, 0.0061)),
        (
            terms,
            replace(terms, scope="compare:*[region=north]", expires="2026-11-30"),
            replace(terms, scope="minimum:f1"),
        ),
        "2026-12-01",
    )
    return report(
        Verdict.WARN,
        "f1 is worse than production: -0.0321, margin 0.01; waived by ada until 2026-12-31 (and 1 more)",
        *findings,
    )


def failing() -> Report:
    return report(
        Verdict.FAIL,
        "f1 is worse than production by more than one point.",
        compared("accuracy", 0.8951, 0.9110, 0.0047),
        compared("f1", 0.8412, 0.8733, 0.0061, p_worse=0.0000021, p_adjusted=0.0000084),
        compared("latency_ms", 23.1, 21.4, 0.011, better="lower", scale="relative", margin=0.1),
        compared("rmse", 12.41, 12.02, 0.21, better="lower", margin=0.5),
        limited("f1", 0.8412, 0.88),
        links={"job": "https://forge.example/jobs/17"},
    )


def sliced(count: int = 48) -> Report:
    findings = [compared("f1", 0.8791, 0.8733, 0.0029), compared("accuracy", 0.9131, 0.9110, 0.0022)]
    for place in range(count):
        loss = 0.09 if place in (7, 31) else (place % 9 - 4) / 500
        where = f"region={('north', 'south', 'east', 'west')[place % 4]}-{place:02d}"
        verdict = Verdict.FAIL if loss > 0.05 else Verdict.PASS
        settings: dict[str, Any] = {"slice": where, "margin": 0.02, "n": 180 + place, "verdict": verdict}
        findings.append(compared("f1", 0.87 - loss, 0.87, 0.009 + place % 5 / 1000, **settings))
    findings.append(
        Finding(
            id="compare:f1[plan=trial]",
            rule="compare",
            verdict=Verdict.INCONCLUSIVE,
            message="f1[plan=trial] has 12 examples; at least 30 are needed to judge it",
            explanation="There are too few examples to tell. It needs 18 more.",
            reason="insufficient",
            advisory=True,
            metric="f1",
            slice="plan=trial",
            better="higher",
            candidate=0.75,
            baseline=0.8,
            n=12,
            rows_needed=30,
        )
    )
    return report(
        Verdict.FAIL,
        "f1 is worse than production on region=west-07 and one more slice.",
        *findings,
        examples=11_400,
        assumptions=("Weights are taken to be 1.",),
    )


def many() -> Report:
    """Ten thousand slices, every hundredth of which fails: far more than a comment holds."""
    findings = [compared("f1", 0.8412, 0.8733, 0.0061)]
    for place in range(10_000):
        verdict = Verdict.FAIL if place % 100 == 17 else Verdict.PASS
        where = f"shop={place:05d}"
        findings.append(compared("f1", 0.87, 0.871, 0.009, slice=where, margin=0.02, n=40, verdict=verdict))
    return report(Verdict.FAIL, "f1 is worse than production, and on 100 slices too.", *findings, examples=400_000)


def thresholds_only() -> Report:
    return report(
        Verdict.FAIL,
        "f1 is 0.8731, below the limit of 0.88.",
        limited("accuracy", 0.9151, 0.9, candidate_interval=(0.9048, 0.9254)),
        limited("f1", 0.8731, 0.88),
        baseline=None,
        confidence=None,
    )


def unverified() -> Report:
    findings = [
        Finding(
            id=f"compare:{metric}",
            rule="compare",
            verdict=Verdict.WARN,
            message=f"{metric} {ours} vs production {theirs}: no predictions, so no bounds",
            reason="unverified",
            explanation=TOTALS_ONLY,
            metric=metric,
            better="higher",
            candidate=ours,
            baseline=theirs,
            difference=ours - theirs,
            margin=0.01,
            scale="absolute",
        )
        for metric, ours, theirs in (("f1", 0.871, 0.8733), ("roc_auc", 0.952, 0.9507))
    ]
    return report(
        Verdict.WARN,
        "The comparison rests on totals alone and is unverified.",
        *findings,
        examples=None,
        candidate=Subject(name="metrics.json", digest=CANDIDATE.digest),
        confidence=None,
    )


def unreadable() -> Report:
    finding = Finding(
        id="input",
        rule="input",
        verdict=Verdict.INCONCLUSIVE,
        reason="input-error",
        message="candidate.csv and production.csv share 0 of 2 000 ids",
        explanation="Candidate and production were not scored on the same examples. Score both on the same holdout.",
    )
    return report(
        Verdict.INCONCLUSIVE,
        "The two files were not scored on the same examples.",
        finding,
        model=None,
        examples=None,
        confidence=None,
        evidence={},
    )


def hostile() -> Report:
    finding = compared(
        HOSTILE, 0.8412, 0.8733, 0.0061, slice=f"{HOSTILE}={HOSTILE}", explanation=HOSTILE, method=HOSTILE
    )
    whole = compared(f"{HOSTILE}2", 0.8412, 0.8733, 0.0061, explanation=HOSTILE)
    notice = Finding(id=HOSTILE, rule="input", verdict=Verdict.INCONCLUSIVE, message=HOSTILE, explanation=HOSTILE)
    aside = compared(f"{HOSTILE}3", 0.8, 0.8, 0.1, advisory=True, slice=HOSTILE)
    settled = compared(f"{HOSTILE}4", 0.9, 0.8, 0.001, slice=HOSTILE)
    return report(
        Verdict.FAIL,
        HOSTILE,
        whole,
        notice,
        finding,
        aside,
        settled,
        model=HOSTILE,
        candidate=Subject(name=HOSTILE, digest=HOSTILE),
        baseline=Subject(name=HOSTILE, digest=HOSTILE),
        assumptions=(HOSTILE,),
        evidence={HOSTILE: HOSTILE},
        links={HOSTILE: f"javascript:{HOSTILE}", "also": "javascript:alert(4)"},
        sections=tuple(
            Section(
                id=HOSTILE,
                title=HOSTILE,
                sentences=(HOSTILE, HOSTILE),
                columns=(HOSTILE, HOSTILE) if rows else (),
                rows=rows,
                figures={HOSTILE: 1.5},
                folded=folded,
            )
            for rows in (((HOSTILE, HOSTILE), (HOSTILE, "1")), ())
            for folded in (True, False)
        ),
    )


CHANGES = Section(
    id="changes",
    title="What changed, example by example",
    sentences=(
        "40 of 2 000 examples are newly right and 31 newly wrong.",
        "A score moves by 0.021 in the mean, whichever way.",
    ),
    columns=("Label", "Newly right", "Newly wrong", "Share that changed"),
    rows=(("retained", "28", "25", "3.31 %"), ("lost", "12", "6", "4.50 %"), ("unknown", "0", "0", "–")),
    figures={"gained": 40, "lost": 31, "score_shift": 0.021},
)


def described() -> Report:
    """Sections of every form: folded or not, with a table or without, and one too long for a terminal or a comment."""
    long = [(f"region=west-{place:02d}, plan=trial", f"{place / 1000:.4f}", "a sentence") for place in range(30)]
    return report(
        Verdict.PASS,
        "No metric is worse than production by more than one point.",
        compared("accuracy", 0.9125, 0.9110, 0.0031),
        sections=(
            Section(
                id="question", title="What was judged", sentences=("This very model, not its recipe.",), folded=False
            ),
            CHANGES,
            Section(id="found", title="Groups nobody asked about", columns=("Group", "Loss", "Why"), rows=tuple(long)),
            Section(
                id="wear",
                title="Wear of the holdout",
                sentences=("It was looked at 7 times.",),
                columns=("Look", "Left"),
                rows=(("7", "25"),),
                folded=False,
            ),
        ),
    )


def drifted() -> Report:
    """Columns that moved, one that did not, and drawings of them; a name in them is hostile too."""
    message = (
        "plan has moved away from production version 4: PSI 0.1367, 0.1327 less noise, at least 0.1051 "
        "(one-sided 95 %), limit 0.02: fail"
    )
    heads = ("Column", "PSI", "less noise", "at least", "missing", "outside", "Judged")
    rows = (
        ("plan", "0.1367", "0.1327", "0.1051", "0.76 % → 6.62 %", "0.00 % → 10.10 %", "moved"),
        ("income", "0.00433", "0.000726", "0.0000", "–", "–", "not shown to have moved"),
    )
    drawn = (
        Histogram(
            title="plan",
            bins=("value 1", "value 2", "other values", "missing"),
            before=(0.6, 0.3924, 0.0, 0.0076),
            now=(0.5, 0.3328, 0.101, 0.0662),
        ),
        Histogram(title="income", bins=tuple(map(str, range(1, 11))), before=(0.1,) * 10, now=(0.11, 0.09) * 5),
        Histogram(title=HOSTILE, bins=(HOSTILE, "b"), before=(1.0, 0.0), now=(0.0, 1.0)),
    )
    return Report(
        step="data-check",
        verdict=Verdict.FAIL,
        reason=message,
        model="churn",
        candidate=Subject(name="train.parquet", digest=CANDIDATE.digest),
        findings=(
            Finding(
                id="drift:plan",
                rule="drift",
                verdict=Verdict.FAIL,
                reason="drifted",
                metric="plan",
                message=message,
                explanation="The values are distributed otherwise than before. Look at where the column comes from.",
                n=5_000,
            ),
        ),
        sections=tuple(
            Section(
                id=f"drift-{name}",
                title=f"Drift since production version 4, {name}",
                sentences=("5 000 rows beside 5 000 rows here.",),
                columns=heads if table else (),
                rows=rows if table else (),
                histograms=drawn,
                folded=name == "folded",
            )
            for name, table in (("open", True), ("folded", True), ("drawn", False))
        ),
    )


ALL = {
    "pass": passing,
    "warn": warned,
    "undecided": undecided,
    "waived": waived,
    "fail": failing,
    "slices": sliced,
    "thresholds": thresholds_only,
    "unverified": unverified,
    "input": unreadable,
    "sections": described,
    "drift": drifted,
    "hostile": hostile,
}
