"""The report on a terminal: it fits, it says the same in ASCII, and no name takes over the screen."""

from __future__ import annotations

import re
import time
import unicodedata
from dataclasses import replace

import pytest
from golden import reports
from golden.reports import compared, report

from mlci.domain.verdict import Verdict
from mlci.render.text import text


def columns(line: str) -> int:
    wide = sum(1 for letter in line if unicodedata.east_asian_width(letter) in "WF")
    return len(line) + wide - sum(1 for letter in line if unicodedata.combining(letter))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
@pytest.mark.parametrize("name", reports.ALL)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = text(reports.ALL[name](), width=width).splitlines()
    # A line that would be a command to the runner is broken by one more space.
    assert max(columns(line) - line.count(": :") for line in lines if " " in line.strip()) <= width


@pytest.mark.parametrize("name", reports.ALL)
def test_the_first_line_is_the_verdict_and_its_reason(name: str) -> None:
    shown = reports.ALL[name]()
    first = text(shown, width=200).splitlines()[0]
    assert first[2:].startswith(f"{shown.verdict.value}: ")
    if name != "hostile":
        assert first.endswith(shown.reason)


@pytest.mark.parametrize("width", [50, 100, 140])
@pytest.mark.parametrize("name", reports.ALL)
def test_ascii_is_ascii_and_says_as_much(name: str, width: int) -> None:
    shown = reports.ALL[name]()
    plain = text(shown, width=width, unicode=False)
    assert plain.isascii()
    assert "\\" not in plain or name == "hostile", "our own words need no escapes"
    assert len(plain.splitlines()) >= len(text(shown, width=width).splitlines()) - 3


def test_foreign_letters_survive_as_escapes_where_the_terminal_has_only_ascii() -> None:
    shown = report(Verdict.PASS, "Fine.", compared("f1", 0.9, 0.9, 0.001, slice="stadt=Köln"))
    assert "stadt=K\\xf6ln" in text(shown, unicode=False)


def test_colour_is_only_around_verdict_words_and_never_the_only_sign() -> None:
    painted = text(reports.failing(), colour=True)
    assert painted.count("\x1b[0m") == len(re.findall(r"\x1b\[1;\d\dm", painted)) > 3
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == text(reports.failing())
    assert "\x1b[1;31m✖ fail\x1b[0m: f1 is worse" in painted
    assert "\x1b" not in text(reports.failing())


def test_columns_line_up_with_wide_and_combining_letters() -> None:
    names = ("東京", "e\u0301te\u0301", "plain")
    findings = [compared("f1", 0.9, 0.9, 0.001, slice=f"city={name}", verdict=Verdict.FAIL) for name in names]
    lines = text(report(Verdict.FAIL, "No.", *findings), width=140).splitlines()
    rows = [line for line in lines if line.startswith("f1 [city=")]
    assert len(rows) == 3
    assert len({columns(row[: row.index("0.9000")]) for row in rows}) == 1


def test_a_wide_terminal_shows_more_and_a_narrow_one_no_less_numbers() -> None:
    wide, usual, narrow = (text(reports.failing(), width=width) for width in (140, 100, 50))
    assert "worse     0    better" in wide
    assert "✖ fail, regression" in wide
    for shown in (wide, usual, narrow):
        for figure in ("-0.0422", "-0.0221", "0.8412", "0.8733", "0.01"):
            assert figure in shown


def test_no_hostile_text_reaches_the_terminal_or_the_log_alive() -> None:
    for width in (30, 57, 80, 100):
        shown = text(reports.hostile(), width=width)
        assert not set(shown) & set("\x1b\r\x00\x08\x9b\u202e\u2066")
        assert "##[" not in shown
        assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]


def test_a_crowd_of_slices_is_counted_not_scrolled() -> None:
    lines = text(reports.many()).splitlines()
    assert len(lines) < 400
    assert lines.count("and 9880 more slices that passed") == 1
    assert lines.count("and 50 more slices that did not pass") == 1


def test_ten_thousand_failures_are_written_at_once_and_the_worst_of_them_kept() -> None:
    one = compared("f1", 0.7, 0.9, 0.001)
    crowd = [replace(one, slice=f"shop={place}", verdict=Verdict.INCONCLUSIVE) for place in range(10_000)]
    last = replace(one, slice="shop=last")
    started = time.perf_counter()
    shown = text(report(Verdict.FAIL, "No.", *crowd, last))
    assert time.perf_counter() - started < 5
    assert "f1 [shop=last]" in shown
    assert "and 9951 more slices that did not pass" in shown.splitlines()
    assert len(shown.splitlines()) < 300


def test_findings_that_are_not_counted_never_read_as_a_pass() -> None:
    aside = compared("f1", 0.9, 0.9, 0.001, slice="a=b", advisory=True)
    shown = text(report(Verdict.INCONCLUSIVE, "Nothing counts.", aside))
    assert "f1 [a=b]: not judged." in shown
    assert "✔" not in shown


def test_bounds_power_assumptions_and_evidence_are_told() -> None:
    shown = text(reports.warned())
    assert "Bounds: one-sided 95 % each. Drawn: right is better;" in shown
    assert "Smallest loss these examples can show (80 % power): accuracy 0.0078, f1 0.0097." in shown
    assert "Examples that would settle it if nothing changed: f1 6 400." in shown
    assert "No tolerance is set, so one point is taken." in shown
    assert "gate sha256:9d8b7c6e5f4a" in shown


def test_a_drawing_is_explained_only_where_there_is_one() -> None:
    assert "Drawn: right is better" in text(reports.passing(), width=100)
    assert "Drawn: right is better" in text(reports.passing(), width=100, unicode=False)
    assert "Drawn:" not in text(reports.sliced(0), width=84)


def test_without_a_comparison_there_is_no_empty_column() -> None:
    shown = text(reports.thresholds_only())
    assert "limit" in shown
    assert "production " not in shown.split("metric")[1]
