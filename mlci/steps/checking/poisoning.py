"""Signs that somebody put something into the data, or that a source of them went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlci.domain.dataset import poisoning
from mlci.domain.dataset.media import medium_of
from mlci.domain.dataset.profile import ColumnProfile
from mlci.domain.figures import as_written, count, percent, several
from mlci.domain.finding import Finding, Reason
from mlci.domain.report import Section
from mlci.domain.sentence import level
from mlci.domain.verdict import Verdict
from mlci.ports import Opened
from mlci.steps.checking import Material, Part, far, flipping, sql, texts
from mlci.steps.checking.shared import naming

# More values than this make a column no set of classes or sources.
_MOST = 50
_CLASSES = 20
_SHOWN = 60


def run(material: Material) -> Part:
    """Look for signs of tampering."""
    if not material.train.rows:
        return Part()
    parts = [
        *_flips(material),
        *_moved(material, "labels", material.target, material.settings.poisoning.labels),
        *_moved(material, "sources", material.settings.poisoning.source, material.settings.poisoning.sources),
        *_clusters(material),
        *_texts(material),
    ]
    return Part(
        findings=tuple(one for part in parts for one in part.findings),
        sections=tuple(one for part in parts for one in part.sections),
        assumptions=tuple(one for part in parts for one in part.assumptions),
    )


def _flips(material: Material) -> Iterable[Part]:
    reference = material.reference
    target = material.target
    if reference is None or reference.opened is None or target is None:
        return
    before, train = reference.opened, material.train
    if target not in before.columns or target not in train.columns or not before.rows:
        return
    found = flipping.flips(material.engine, train, before, target, material.id, material.settings.leakage.key)
    if found is None:
        return
    limit, rows = material.settings.poisoning.flips, train.rows
    judged = poisoning.more(found.flips, rows, found.contradictions, before.rows, poisoning.ALPHA)
    same = f"name and content ({material.id})" if found.named else "content"
    message = (
        f"{count(found.flips)} of {several(rows, 'row')} ({percent(judged.share)}) have another label than "
        f"{reference.name} has for the same {same}; {several(found.matched, 'row')} "
        f"{'was' if found.matched == 1 else 'were'} found there"
    )
    if found.named:
        broken = found.flips / rows > limit
    else:
        message += f", and it contradicts itself in {percent(judged.chance)} of its own rows"
        broken = judged.shown(poisoning.ALPHA, limit)
    message += f"; {as_written(limit, relative=True)} accepted"
    if not broken:
        yield Part(findings=(_finding("flips", Verdict.PASS, message, n=rows),))
        return
    if not found.named:
        message += f": at least {percent(judged.low)} too many ({level(1 - poisoning.ALPHA)})"
    why = (
        "What was labelled before is labelled differently now: the labels were corrected, or somebody changed them. "
        "Find out who did and why, and accept it by comparing with the corrected data (data.reference)."
    )
    finding = _finding("flips", Verdict.FAIL, message, "poisoned", why, n=rows, limit=limit)
    sections: tuple[Section, ...] = ()
    if found.named and material.id is not None and material.settings.sample:
        sample = flipping.named(
            material.engine, train, before, target, material.id, material.settings.leakage.key, material.settings.sample
        )
        sections = _sampled("poisoning-flips", "Rows with another label than before", material.id, sample)
    yield Part(findings=(finding,), sections=sections)


def _moved(material: Material, what: str, column: str | None, limit: float) -> Iterable[Part]:
    if column is None:
        return
    if column not in material.train.columns:
        # A target that is not there is said once, where it is looked for as a leak.
        if what == "sources":
            why = "The column that data.poisoning.source names is not there. Name one that is, or take the key out."
            yield Part(
                findings=(
                    _finding(what, Verdict.INCONCLUSIVE, f"the training data have no column {column}", "unrun", why),
                )
            )
        return
    reference = material.reference
    if reference is None:
        return
    now = _shares(material, material.train, column)
    profile = reference.profile.column(column) if reference.profile is not None else None
    if reference.opened is not None and column in reference.opened.columns:
        before = _shares(material, reference.opened, column)
    else:
        before = _profiled(profile, reference.profile.rows) if profile is not None and reference.profile else None
    if now is None or before is None or not before.rows:
        if what == "sources":
            why = "Nothing is known of where rows came from there. Compare with data that have it (data.reference)."
            message = f"{column} cannot be compared: {reference.name} has no such column, or too many values of it"
            yield Part(findings=(_finding(what, Verdict.WARN, message, "missing", why),))
        return
    moved = poisoning.jumps(before, now, poisoning.ALPHA)
    far_moved = [one for one in moved if one.least > limit]
    if not far_moved:
        one = max(moved, key=lambda jump: abs(jump.change))
        most = (
            f"the most is {percent(one.change, signed=True)}, of {_worded(one.value)}" if one.change else "none moved"
        )
        message = (
            f"no share in {column} is shown to have moved by more than {as_written(limit, relative=True)} since "
            f"{reference.name}: {most}"
        )
        yield Part(findings=(_finding(what, Verdict.PASS, message, n=now.rows),))
        return
    one, rest = far_moved[0], len(far_moved) - 1
    more = f"; so do {count(rest)} more" if rest else ""
    message = (
        f"{_worded(one.value)} in {column} moved from {percent(one.before[0] / one.before[1])} of "
        f"{several(one.before[1], 'row')} ({reference.name}) to {percent(one.now[0] / one.now[1])} of "
        f"{count(one.now[1])}: at least {percent(one.least)} ({level(1 - poisoning.ALPHA)}), at most "
        f"{as_written(limit, relative=True)} accepted{more}"
    )
    why = (
        "A share that jumps is a source that broke, or somebody who sends more than others. "
        f"Look where these rows come from; where it is meant, raise data.poisoning.{what}."
    )
    rows = tuple(
        (
            _worded(each.value),
            percent(each.before[0] / each.before[1]),
            percent(each.now[0] / each.now[1]),
            percent(each.least),
        )
        for each in far_moved
    )
    section = Section(
        id=f"poisoning-{what}", title=f"Shares in {column} that jumped",
        columns=("value", "before", "now", "moved at least by"), rows=rows,
    )  # fmt: skip
    yield Part(
        findings=(_finding(what, Verdict.FAIL, message, "poisoned", why, n=now.rows, limit=limit),), sections=(section,)
    )


def _shares(material: Material, opened: Opened, column: str) -> poisoning.Shares | None:
    """Rows by value; None for a column of too many values."""
    value = f"CAST({sql.name(column)} AS VARCHAR)"
    found = material.engine.rows(
        f"SELECT {value}, count(*) AS n FROM {opened.relation} WHERE {sql.name(column)} IS NOT NULL "
        f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {_MOST + 1}"
    )
    if len(found) > _MOST:
        return None
    return poisoning.Shares(rows=opened.rows, values={_plain(str(name)): int(n) for name, n in found})


def _profiled(profile: ColumnProfile, rows: int) -> poisoning.Shares | None:
    if profile.kind != "category":
        return None
    values: dict[str, int] = {}
    for name, n in profile.categories.items():
        values[_plain(name)] = values.get(_plain(name), 0) + n
    return poisoning.Shares(rows=rows, values=values, others=profile.others)


def _plain(value: str) -> str:
    """A value as text; whole numbers are written the same whatever type they have."""
    return value[:-2] if value.endswith(".0") and value[:-2].lstrip("-").isdigit() else value


def _worded(value: str | None) -> str:
    return "no value" if value is None else value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"


def _clusters(material: Material) -> Iterable[Part]:
    train, target, engine = material.train, material.target, material.engine
    if target is None or target not in train.columns:
        return
    apart = {material.id, material.settings.leakage.key, target, *material.settings.poisoning.ignore}
    numbers = [name for name, kind in train.columns.items() if kind in ("integer", "number") and name not in apart]
    whole = naming(engine, train, [name for name in numbers if train.columns[name] == "integer"])
    numbers = [name for name in numbers if name not in whole]
    if not numbers:
        return
    label = _label(material, target)
    if label is None:
        return
    counted = engine.rows(f"SELECT {label} AS y, count(*) FROM {train.relation} GROUP BY 1")
    labels = {str(name): int(n) for name, n in counted}
    measures, flat = far.measures(engine, train, numbers, label)
    alpha = poisoning.ALPHA / max(2 * len(measures), 1)
    limit = material.settings.poisoning.outliers
    findings = []
    for measure in measures:
        for side, rings in (("above", measure.above), ("below", measure.below)):
            for cluster in poisoning.clusters(rings, labels, alpha):
                if cluster.rows / train.rows > limit:
                    findings.append(_far(cluster, measure.name, side, train.rows, limit, target))  # noqa: PERF401
    if not findings:
        were = "was" if len(flat) == 1 else "were"
        skipped = f" ({several(len(flat), 'column')} of mostly one value {were} left out)" if flat else ""
        message = (
            f"no cluster of more than {as_written(limit, relative=True)} of the rows lies far from all others and "
            f"leans to one label{skipped}"
        )
        findings.append(_finding("outliers", Verdict.PASS, message, n=train.rows))
    yield Part(findings=tuple(findings))


def _far(
    cluster: poisoning.Cluster, name: str | None, side: str, rows: int, limit: float, target: str
) -> Finding:  # fmt: skip
    of = f"{side} everything else in {name}" if name is not None else "away from everything else, all columns together"
    message = (
        f"{count(cluster.rows)} of {several(rows, 'row')} ({percent(cluster.rows / rows)}, at most "
        f"{as_written(limit, relative=True)} accepted) lie together, "
        f"at least {cluster.near:.1f} robust standard deviations {of}, and "
        f"{percent(cluster.labelled / cluster.rows)} of them have one value of {target}, which "
        f"{percent(cluster.share)} of all rows have"
    )
    why = (
        "Rows put there by somebody teach a model that whatever lies there has that label; so does a code for missing "
        "values such as -999 that one source writes. Look where they come from, and mark or drop them."
    )
    identity = "outliers" if name is None else f"outliers[{name},{side}]"
    return _finding(identity, Verdict.FAIL, message, "outlier", why, n=rows, limit=limit)


def _label(material: Material, target: str) -> str | None:
    """An expression of few values for the label; None where it has one value, or too many that are no numbers."""
    column, train = sql.name(target), material.train
    found = material.engine.rows(
        f"SELECT CAST({column} AS VARCHAR), count(*) AS n FROM {train.relation} WHERE {column} IS NOT NULL "
        f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {_CLASSES + 1}"
    )
    if len(found) < 2:
        return None
    if len(found) <= _CLASSES:
        return f"coalesce(CAST({column} AS VARCHAR), 'no value')"
    if train.columns[target] not in ("integer", "number"):
        return None
    middle = material.engine.rows(f"SELECT quantile_cont(CAST({column} AS DOUBLE), 0.5) FROM {train.relation}")[0][0]
    return f"CASE WHEN {column} > {float(middle)!r} THEN 'upper half' ELSE 'lower half' END"


def _texts(material: Material) -> Iterable[Part]:
    policy, train = material.settings.poisoning, material.train
    if policy.text == "allow":
        return
    # Of images and texts there are only facts here, and file names may be what they like.
    found = None if medium_of(train.columns) is not None else texts.odd(material.engine, train, policy.ignore)
    if found is None:
        return
    bad = [one for one in found if one.rows]
    if not bad:
        message = "no text holds control characters, or what a spreadsheet would run"
        yield Part(findings=(_finding("text", Verdict.PASS, message, n=train.rows),))
        return
    verdict = Verdict.FAIL if policy.text == "fail" else Verdict.WARN
    findings: list[Finding] = []
    sections: list[Section] = []
    for one in bad:
        message = f"{count(one.rows)} of {several(train.rows, 'text')} in {one.column} "
        message += f"({percent(one.rows / train.rows)}) {one.what}"
        identity = f"text[{one.column},{one.kind}]"
        findings.append(_finding(identity, verdict, message, "hostile", one.why, n=train.rows))
        if material.id is not None and material.id in train.columns and material.settings.sample:
            sample = texts.named(material.engine, train, one, material.id, material.settings.sample)
            title = f"Texts in {one.column} that {one.what}"
            sections += _sampled(f"poisoning-text-{one.column}-{one.kind}", title, material.id, sample)
    yield Part(findings=tuple(findings), sections=tuple(sections))


def _finding(
    what: str, verdict: Verdict, message: str, reason: Reason | None = None, why: str | None = None,
    *, n: int | None = None, limit: float | None = None,
) -> Finding:  # fmt: skip
    return Finding(
        id=f"poisoning:{what}", rule="poisoning", verdict=verdict, message=message, reason=reason, explanation=why,
        n=n, limit=limit,
    )  # fmt: skip


def _sampled(identity: str, title: str, head: str, sample: Sequence[str]) -> tuple[Section, ...]:
    if not sample:
        return ()
    return (Section(id=identity, title=title, columns=(head,), rows=tuple((one,) for one in sample)),)
