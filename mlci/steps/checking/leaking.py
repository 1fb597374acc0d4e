"""Leaks: of training rows into the holdout, of the future into the past, and of the target into a feature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mlci.domain.dataset import leakage
from mlci.domain.dataset.media import NAMES, medium_of
from mlci.domain.figures import as_written, count, figure, percent, several
from mlci.domain.finding import Finding, Reason
from mlci.domain.report import Section
from mlci.domain.sentence import level
from mlci.domain.verdict import Verdict
from mlci.ports import Opened
from mlci.steps.checking import Material, Part, overlap, sql, telling
from mlci.steps.checking.shared import content, naming

# Clocks and time zones differ by so much; what is later than that has not happened yet.
_DAY = timedelta(days=1)
_SHOWN = 10


def run(material: Material) -> Part:
    """Look for leaks."""
    parts = [*_keys(material), *_contents(material), *_time(material), *_target(material)]
    return Part(
        findings=tuple(one for part in parts for one in part.findings),
        sections=tuple(one for part in parts for one in part.sections),
        assumptions=tuple(one for part in parts for one in part.assumptions),
    )


def _keys(material: Material) -> Iterable[Part]:
    key = material.settings.leakage.key
    if key is None:
        return
    holdout = material.holdout
    lacking = _lacking("key", key, material.train, holdout, two=True)
    if lacking is not None or holdout is None:
        yield Part(findings=(lacking,) if lacking is not None else ())
        return
    found = overlap.by_key(material.engine, material.train, holdout, key, material.settings.sample)
    share = found.holdout / holdout.rows if holdout.rows else 0.0
    nameless = f"; {several(found.nameless, 'row')} without a {key}" if found.nameless else ""
    if found.nameless == material.train.rows + holdout.rows:
        yield Part(findings=(_unrun("key", f"no row has a {key}", "Name a column that every example has a value of."),))
        return
    limit = material.settings.leakage.overlap
    stand = "stands" if found.keys == 1 else "stand"
    message = (
        f"{several(found.keys, 'value')} of {key} {stand} in both training and holdout: {count(found.holdout)} of "
        f"{several(holdout.rows, 'row')} of the holdout ({percent(share)}, at most {as_written(limit, relative=True)} "
        f"accepted), {count(found.train)} of training{nameless}"
    )
    if share <= limit:
        message = f"no value of {key} stands in both training and holdout{nameless}" if not found.keys else message
        yield Part(findings=(_finding("key", Verdict.PASS, message, n=holdout.rows),))
        return
    why = (
        f"What training has seen of a {key} it knows in the holdout too, so that every figure measured there is too "
        f"good. Split by {key}, so that all rows of one stand on one side."
    )
    finding = _finding("key", Verdict.FAIL, message, "overlap", why, n=holdout.rows, limit=limit)
    yield Part(findings=(finding,), sections=_sampled("leakage-key", f"{key} on both sides", key, found.sample))


def _contents(material: Material) -> Iterable[Part]:
    engine, train, holdout, target = material.engine, material.train, material.holdout, material.target
    if holdout is None or not holdout.rows or not train.rows:
        return
    apart = {material.id, material.settings.leakage.key, target}
    columns, named = content(engine, train, holdout, apart)
    if not columns:
        why = "They have no column in common that could be compared. Check that both are the right files."
        yield Part(findings=(_unrun("content", "training and holdout share no column of content", why),))
        return
    labelled = target is not None and target in train.columns and target in holdout.columns
    # Twice looked at is twice a chance to be wrong.
    alpha = leakage.ALPHA / 2 if labelled else leakage.ALPHA
    pictures = medium_of(train.columns) == medium_of(holdout.columns) == "images"

    def beyond(repeats: leakage.Repeats) -> leakage.Excess:
        return leakage.certain(repeats) if pictures else leakage.excess_of(repeats, alpha)

    bare = beyond(overlap.by_content(engine, train, holdout, columns))
    whole, asked = bare, list(columns)
    if labelled and bare.share:
        asked = [*columns, str(target)]
        whole = beyond(overlap.by_content(engine, train, holdout, asked))
    limit = material.settings.leakage.overlap
    shown = [(each, which) for each, which in ((whole, asked), (bare, columns)) if each.shown(alpha, limit)]
    excess = shown[0][0] if shown else whole
    assumptions = tuple(
        f"{column} names rows: no value of it stands twice in the training data, so it is no part of a row's content."
        for column in named
    )
    message = _overlapping(excess, bare, holdout.rows, limit, labelled=labelled, alpha=alpha)
    figures = {
        "share": excess.share, "chance": excess.chance, "standard_error": excess.error, "p": excess.p,
        "low": excess.low, "detectable": excess.detectable,
    }  # fmt: skip
    section = Section(
        id="leakage-content", title="Rows of the holdout that stand in the training data", sentences=(message,),
        figures=figures,
    )  # fmt: skip
    if shown:
        name = material.id or material.settings.leakage.key or next(iter(naming(engine, holdout, named)), None)
        sample: tuple[str, ...] = ()
        if name is not None and name in holdout.columns and material.settings.sample:
            sample = overlap.named(engine, train, holdout, shown[0][1], name, material.settings.sample)
        why = (
            "A model that has seen these rows is asked what it was told, so that every figure measured on the holdout "
            "is too good. Take them out of one side, or split by what belongs together (data.leakage.key)."
        )
        finding = _finding("content", Verdict.FAIL, message, "overlap", why, n=holdout.rows, limit=limit)
        listed = _sampled("leakage-rows", "Some of the rows that stand on both sides", name or "row", sample)
        yield Part(findings=(finding,), sections=(section, *listed), assumptions=assumptions)
    elif excess.share and excess.blind:
        why = (
            "The columns are so coarse that equal rows say nothing of where they come from. Name what the examples "
            "belong to (data.leakage.key), and that is compared instead."
        )
        finding = _finding("content", Verdict.WARN, message, "insufficient", why, n=holdout.rows)
        settled = material.settings.leakage.key is not None
        yield Part(findings=() if settled else (finding,), sections=(section,), assumptions=assumptions)
    else:
        finding = _finding("content", Verdict.PASS, message, n=holdout.rows)
        yield Part(findings=(finding,), sections=(section,) if excess.share else (), assumptions=assumptions)


def _overlapping(
    excess: leakage.Excess, bare: leakage.Excess, rows: int, limit: float, *, labelled: bool, alpha: float
) -> str:
    if not bare.share:
        return f"none of {several(rows, 'row')} of the holdout stands in the training data"
    what = "with their label" if labelled and excess is not bare else "without their label" if labelled else "whole"
    beyond = f", {as_written(limit, relative=True)} more accepted" if limit else ""
    text = (
        f"{count(round(excess.share * rows))} of {several(rows, 'row')} of the holdout ({percent(excess.share)}) "
        f"stand {what} in the training data; chance alone repeats {percent(excess.chance)} ± "
        f"{percent(excess.error)}{beyond}"
    )
    if excess.shown(alpha, limit):
        return f"{text}: at least {percent(max(excess.low, 0.0))} too many ({level(1 - alpha)})"
    if excess.blind:
        return f"{text}, so much that no copied row could be told from it"
    return f"{text}; {percent(excess.detectable)} more would have been noticed"


def _time(material: Material) -> Iterable[Part]:
    column = material.settings.leakage.time
    if column is None:
        return
    train, holdout = material.train, material.holdout
    lacking = _lacking("time", column, train, holdout, two=True)
    if lacking is not None or holdout is None:
        yield Part(findings=(lacking,) if lacking is not None else ())
        return
    kinds = {train.columns[column], holdout.columns[column]}
    dated = not kinds <= {"integer", "number"}
    of = f"CAST({sql.name(column)} AS DOUBLE)"
    if dated:
        # What does not even look like a date is no time; not every engine has a cast that may fail.
        text = f"CAST({sql.name(column)} AS VARCHAR)"
        dates_only = f"CASE WHEN regexp_matches({text}, '^[0-9]{{4}}-[01][0-9]-[0-3][0-9]') THEN {text} END"
        of = f"TRY_CAST({dates_only} AS TIMESTAMP)" if "string" in kinds else f"CAST({sql.name(column)} AS TIMESTAMP)"
    rows = material.engine.rows
    dates, earliest = rows(f"SELECT count({of}), CAST(min({of}) AS VARCHAR) FROM {holdout.relation}")[0]
    if not dates:
        why = "Nothing there can be read as a time. Name another column, or write times in the form of ISO 8601."
        yield Part(findings=(_unrun("time", f"no row of the holdout has a time in {column}", why),))
        return
    bound = f"CAST({sql.text(str(earliest))} AS {'TIMESTAMP' if dated else 'DOUBLE'})"
    future = "0"
    if dated and material.now is not None:
        latest = datetime.fromisoformat(material.now.replace("Z", "+00:00")).replace(tzinfo=None) + _DAY
        future = f"sum(CASE WHEN {of} > CAST({sql.text(latest.isoformat(' '))} AS TIMESTAMP) THEN 1 ELSE 0 END)"
    known, later, last, ahead = rows(
        f"SELECT count({of}), sum(CASE WHEN {of} > {bound} THEN 1 ELSE 0 END), CAST(max({of}) AS VARCHAR), {future} "
        f"FROM {train.relation}"
    )[0]
    if not known:
        why = "Nothing there can be read as a time. Name another column, or write times in the form of ISO 8601."
        yield Part(findings=(_unrun("time", f"no row of the training data has a time in {column}", why),))
        return
    undated = train.rows - int(known) + holdout.rows - int(dates)
    without = f"; {several(undated, 'row')} of both without a time" if undated else ""
    yield Part(findings=tuple(_timed(column, int(known), int(later or 0), str(earliest), str(last), without)))
    if int(ahead or 0):
        why = "An example that has not happened yet has no label that could be known. Look where its time was written."
        asked = several(int(known), "row")
        message = f"{count(int(ahead))} of {asked} of the training data have a {column} that is yet to come"
        yield Part(findings=(_finding("future", Verdict.FAIL, message, "time", why, n=int(known)),))


def _timed(column: str, known: int, later: int, earliest: str, last: str, without: str) -> Iterable[Finding]:
    if not later:
        message = f"no row of the training data has a {column} after the holdout's first{without}"
        yield _finding("time", Verdict.PASS, message, n=known)
        return
    message = (
        f"{count(later)} of {several(known, 'row')} of the training data ({percent(later / known)}) "
        f"have a {column} after the holdout's first, {earliest}: the last is of {last}{without}"
    )
    why = (
        "A model that was trained on what came later is asked about what it already knows, as it never will be in use. "
        "Split by time: everything of training before everything of the holdout."
    )
    yield _finding("time", Verdict.FAIL, message, "time", why, n=known)


def _target(material: Material) -> Iterable[Part]:
    target, train, settings = material.target, material.train, material.settings.leakage
    if target is None or not train.rows:
        return
    lacking = _lacking("target", target, train, None, two=False)
    if lacking is not None:
        yield Part(findings=(lacking,))
        return
    names = NAMES if medium_of(train.columns) is not None else ()
    found = telling.said(material.engine, train, target, {material.id, settings.key, *settings.ignore, *names})
    if found is None:
        # Texts without classes, and pictures of one, are data to learn from all the same.
        if not names:
            why = "From a target of one value nothing is learned, and it is told by nothing. Check that it is the one."
            yield Part(findings=(_unrun("target", f"{target} has fewer than two values", why),))
        return
    if not found.shares:
        if found.rare:
            least = leakage.LEAST_OF_A_CLASS
            few = f"no value of {target} has {least} rows and as many beside it"
            yield Part(assumptions=(f"Whether a column gives {target} away was not looked at: {few}.",))
        return
    ranked = sorted(found.shares.items(), key=lambda item: (-item[1], item[0]))
    section = Section(
        id="leakage-target", title=f"What each column alone says of {target}",
        sentences=("0.5 says nothing, 1 says everything.", _measure(found)), columns=("column", "share"),
        rows=tuple((column, figure(share)) for column, share in ranked[:_SHOWN]),
    )  # fmt: skip
    findings = []
    for column, share in ranked:
        if share > settings.target:
            message = (
                f"{column} alone says {figure(share)} of {target} ({several(found.rows, 'row')}), at most "
                f"{as_written(settings.target)} accepted"
            )
            why = (
                "A column that says everything of the target is a copy of it, or was written after it was known, and "
                "will not be there in use. Leave it out, or list it in data.leakage.ignore if it is known before."
            )
            findings.append(
                _finding(
                    f"target[{column}]", Verdict.FAIL, message, "leakage", why, n=found.rows, limit=settings.target
                )
            )
    if not findings:
        column, share = ranked[0]
        message = (
            f"no column alone says more than {as_written(settings.target)} of {target}: the most is {figure(share)}, "
            f"by {column}"
        )
        findings.append(_finding("target", Verdict.PASS, message, n=found.rows))
    yield Part(findings=tuple(findings), sections=(section,))


def _measure(found: telling.Said) -> str:
    if found.classes is None:
        return (
            "The target is a number: a share is half and half of what the column explains of the target's ranks "
            f"(R² of {several(found.rows, 'row')}, each foretold from the others with its value)."
        )
    rare = f" {found.rare} classes are too rare to be asked for." if found.rare else ""
    return (
        "A share is the area under the curve of the best rule on that column, of each class against the rest, weighted "
        f"by its rows ({several(found.rows, 'row')}, each scored by the others with its value).{rare}"
    )


def _lacking(what: str, column: str, train: Opened, holdout: Opened | None, *, two: bool) -> Finding | None:
    """The finding that a check could not run because its column, or a whole side, is not there."""
    if two and holdout is None:
        why = (
            "What stands on both sides can only be told with both at hand. Name data.holdout, or take the key "
            f"data.leakage.{what} out."
        )
        return _unrun(what, f"there is no holdout to compare {column} with", why)
    sides = [("training", train), *((("holdout", holdout),) if holdout is not None else ())]
    without = [name for name, opened in sides if column not in opened.columns]
    if not without:
        return None
    named = "evaluate.target" if what == "target" else f"data.leakage.{what}"
    why = f"The column that {named} names is not there, so nothing was compared. Name one that is, or take the key out."
    return _unrun(what, f"the {' and the '.join(without)} data have no column {column}", why)


def _unrun(what: str, message: str, why: str) -> Finding:
    return _finding(what, Verdict.INCONCLUSIVE, message, "unrun", why)


def _finding(
    what: str, verdict: Verdict, message: str, reason: Reason | None = None, why: str | None = None,
    *, n: int | None = None, limit: float | None = None,
) -> Finding:  # fmt: skip
    return Finding(
        id=f"leakage:{what}", rule="leakage", verdict=verdict, message=message, reason=reason, explanation=why, n=n,
        limit=limit,
    )  # fmt: skip


def _sampled(identity: str, title: str, head: str, sample: Sequence[str]) -> tuple[Section, ...]:
    if not sample:
        return ()
    return (Section(id=identity, title=title, columns=(head,), rows=tuple((one,) for one in sample)),)
