"""How the rules of a contract came out, as findings and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.measured import Judged, Offenders
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.domain.dataset.wording import columns, shown
from mlci.domain.figures import count, several
from mlci.domain.finding import Finding, Reason
from mlci.domain.report import Section
from mlci.domain.verdict import Verdict

_MOST_ROWS = 500
_WORDS = {"pass": "holds", "fail": "broken", "error": "could not run"}
_ORDER = ("fail", "error", "pass")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is told of one dataset.

    Attributes:
        role: what it is for.
        dataset: its name.
        rows: how many it has.
        contract: name of its contract; None without one.
        judged: every rule.
        asked: what each rule asks for, by its id.
        absent: columns that are not there, with the rules that speak of each.
        offenders: rows that break a rule, by rule.
        file: the contract from the top of the repository; None where this checkout has another.
        lines: of it that rules were written at, by their ids.
    """

    role: str
    dataset: str
    rows: int
    contract: str | None = None
    judged: tuple[Judged, ...] = ()
    asked: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    offenders: Mapping[str, Offenders] = field(default_factory=dict)
    file: str | None = None
    lines: Mapping[str, int | None] = field(default_factory=dict)

    def line_of(self, rule: str) -> int | None:
        """Where a rule was written; None where its file is not known."""
        return self.lines.get(rule) if self.file is not None else None


def findings_of(told: Told) -> tuple[Finding, ...]:
    """The gravest first; one finding for all rules that hold."""
    silent = {rule.id for rules in told.absent.values() for rule in rules}
    found = [*_of_rows(told), *_of_absent(told)]
    for one in told.judged:
        if one.outcome == "fail":
            found.append(_broken(told, one))
        elif one.outcome == "error" and one.rule not in silent and told.rows:
            found.append(_unrun(told, one))
    if silent:
        found.append(_unasked(told, [one for one in told.judged if one.rule in silent]))
    if told.contract is not None and not told.judged:
        found.append(_empty_contract(told))
    held = sum(one.outcome == "pass" for one in told.judged)
    if held:
        found.append(_held(told, held))
    return tuple(sorted(found, key=lambda one: -one.verdict.rank))


def _id(told: Told, name: str) -> str:
    return f"contract:{told.role}:{name}"


def _dataset(told: Told) -> str:
    return shown(told.dataset)


def _of_rows(told: Told) -> list[Finding]:
    """That there is nothing to look at, once and not for every rule."""
    if told.rows:
        return []
    stopped = sum(one.outcome == "error" for one in told.judged)
    said = f", so {count(stopped)} of {several(len(told.judged), 'rule')} could not run" if stopped else ""
    return [
        Finding(
            id=f"data:{told.role}:empty",
            rule="data",
            verdict=Verdict.INCONCLUSIVE,
            reason="empty",
            message=f"{_dataset(told)} has no rows{said}",
            explanation="Nothing speaks for data that are not there. Look at what writes them, or name the right file.",
        )
    ]


def _of_absent(told: Told) -> list[Finding]:
    """Columns that are not there, unless a broken rule on the table already names them."""
    named = {
        name
        for one in told.judged
        if one.outcome == "fail" and one.severity == "fail" and EXPECTATIONS[one.expectation].level == "table"
        for name in one.columns
    }
    found = []
    for name, rules in told.absent.items():
        if name in named:
            continue
        grave = any(rule.severity == "fail" for rule in rules)
        speak = f"{count(len(rules))} rules speak" if len(rules) != 1 else "a rule speaks"
        found.append(
            Finding(
                id=_id(told, f"schema[{shown(name)}]"),
                rule="contract",
                verdict=Verdict.FAIL if grave else Verdict.WARN,
                reason="schema",
                message=f"{_dataset(told)} has no column {shown(name)}, of which {speak}",
                explanation="What reads this column would stop or read something else. Bring it back, or take its "
                "rules out of the contract.",
            )
        )
    return found


def _broken(told: Told, one: Judged) -> Finding:
    known = EXPECTATIONS[one.expectation]
    schema = known.short in ("exists", "columns", "width", "type")
    reason: Reason = "schema" if schema else "violated"
    rows = "The data break"
    if one.unexpected is not None and known.on_rows:
        rows = f"{count(one.unexpected)} rows break" if one.unexpected != 1 else "One row breaks"
    return Finding(
        id=_id(told, one.rule),
        rule="contract",
        verdict=Verdict.FAIL if one.severity == "fail" else Verdict.WARN,
        reason=reason,
        message=f"{_dataset(told)}: {one.message}",
        explanation=f"{rows} the rule {shown(one.rule)} of {shown(told.contract)}. Mend the data where they come "
        "from, or change the rule if it no longer says what you need.",
        n=one.evaluated,
        file=told.file,
        line=told.line_of(one.rule),
    )


def _unrun(told: Told, one: Judged) -> Finding:
    return Finding(
        id=_id(told, one.rule),
        rule="contract",
        verdict=Verdict.INCONCLUSIVE if one.severity == "fail" else Verdict.WARN,
        reason="unrun",
        message=f"{_dataset(told)}: {one.message}",
        explanation=f"Nothing was looked at for the rule {shown(one.rule)}, so nothing speaks for it. Give it data "
        "that it can be counted on, or take it out of the contract.",
        file=told.file,
        line=told.line_of(one.rule),
    )


def _unasked(told: Told, rules: list[Judged]) -> Finding:
    """One finding for all rules on columns that are not there."""
    grave = any(one.severity == "fail" for one in rules)
    which = f"{count(len(rules))} rules" if len(rules) != 1 else "a rule"
    return Finding(
        id=_id(told, "unrun"),
        rule="contract",
        verdict=Verdict.INCONCLUSIVE if grave else Verdict.WARN,
        reason="unrun",
        message=f"{which} could not run on {_dataset(told)}, because columns are missing: {columns(told.absent)}",
        explanation="A rule on a column that is not there says nothing. Bring the columns back.",
    )


def _empty_contract(told: Told) -> Finding:
    return Finding(
        id=_id(told, "rules"),
        rule="contract",
        verdict=Verdict.INCONCLUSIVE,
        reason="unrun",
        message=f"{shown(told.contract)} has no rules, so nothing was asked of {_dataset(told)}",
        explanation="A contract without rules passes nothing. Write some, or draft them with mlci data-profile.",
    )


def _held(told: Told, held: int) -> Finding:
    rules = several(len(told.judged), "rule")
    if held == len(told.judged) == 1:
        said = f"the only rule of {shown(told.contract)} holds"
    elif held == len(told.judged):
        said = f"all {rules} of {shown(told.contract)} hold"
    else:
        said = f"{count(held)} of {rules} of {shown(told.contract)} {'holds' if held == 1 else 'hold'}"
    return Finding(
        id=_id(told, "held"),
        rule="contract",
        verdict=Verdict.PASS,
        message=f"{said} of {_dataset(told)} ({several(told.rows, 'row')})",
    )


def sections_of(told: Told) -> tuple[Section, ...]:
    """The table of the rules, and the rows that break some of them."""
    if not told.judged:
        return ()
    ordered = sorted(told.judged, key=lambda one: _ORDER.index(one.outcome))
    numbers = {each: sum(one.outcome == each for one in told.judged) for each in _ORDER}
    said = f"{several(numbers['pass'], 'holds', 'hold')}, {count(numbers['fail'])} broken, "
    said += f"{count(numbers['error'])} could not run"
    sentences = [f"{several(len(told.judged), 'rule')} of {shown(told.contract)}: {said}."]
    if len(ordered) > _MOST_ROWS:
        sentences.append(f"The first {_MOST_ROWS} are listed; the evidence has all of them.")
    table = Section(
        id=f"contract-{told.role}",
        title=f"Rules for {_dataset(told)}",
        sentences=tuple(sentences),
        columns=("rule", "asked", "found", "outcome"),
        rows=tuple(_row(told, one) for one in ordered[:_MOST_ROWS]),
        figures={"rules": len(told.judged), **{f"rules_{each}": number for each, number in numbers.items()}},
    )  # fmt: skip
    return (table, *_offenders(told))


def _row(told: Told, one: Judged) -> tuple[str, str, str, str]:
    asked = told.asked.get(one.rule, "")
    found = one.message.removeprefix(f"{asked}: ")
    outcome = _WORDS[one.outcome] if one.severity == "fail" else f"{_WORDS[one.outcome]} (warn)"
    return shown(one.rule), asked, found, outcome


def _offenders(told: Told) -> Iterable[Section]:
    rows = tuple(
        (shown(rule), *_named(found, position))
        for rule, found in told.offenders.items()
        for position in range(len(found.rows))
    )
    if not rows:
        return ()
    values = any(found.values for found in told.offenders.values())
    return (
        Section(
            id=f"offenders-{told.role}",
            title=f"Some rows of {_dataset(told)} that break a rule",
            sentences=("The same rows are named each time; there may be more.",),
            columns=("rule", "row", "value") if values else ("rule", "row"),
            rows=tuple(row if values else row[:2] for row in rows[:_MOST_ROWS]),
        ),
    )


def _named(found: Offenders, position: int) -> tuple[str, str]:
    parts = zip(found.keys, found.rows[position], strict=False)
    key = ", ".join(f"{shown(name, 40)} {shown(part, 60)}" for name, part in parts)
    values = found.values[position] if position < len(found.values) else ()
    return key, ", ".join(shown(part, 60) for part in values)
