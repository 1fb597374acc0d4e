"""Every face of every kind of report, as a reviewer reads it. ``--update-golden`` rewrites the files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from golden import checks, reports

from mlci.domain.report import Report
from mlci.render.annotations import annotations
from mlci.render.codequality import codequality
from mlci.render.html import html
from mlci.render.json import json
from mlci.render.junit import junit
from mlci.render.markdown import markdown
from mlci.render.openmetrics import openmetrics
from mlci.render.text import text

HERE = Path(__file__).parent
ALL = {**reports.ALL, **checks.ALL}

FACES: dict[str, Callable[[Report], str]] = {
    "txt": text,
    "ascii.txt": lambda report: text(report, width=80, unicode=False),
    "md": markdown,
    "html": lambda report: re.sub(r"<style>.*</style>", "<style>…</style>", html(report), flags=re.DOTALL),
    "xml": junit,
    "json": json,
    "annotations.txt": annotations,
    "codequality.json": lambda report: codequality(report, "mlci.yml"),
    "metrics.txt": openmetrics,
}


def check(path: Path, written: str, update: bool) -> None:
    if update:
        path.write_text(written, encoding="utf-8")
        return
    assert path.exists(), f"{path.name} is missing: run pytest tests/golden --update-golden and review it"
    kept = path.read_text(encoding="utf-8")
    changes = difflib.unified_diff(kept.splitlines(), written.splitlines(), "kept", "written", lineterm="")
    assert written == kept, "\n".join(list(changes)[:60])


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", ALL)
def test_a_report_reads_as_it_was_reviewed(name: str, face: str, request: pytest.FixtureRequest) -> None:
    written = FACES[face](ALL[name]())
    check(HERE / f"{name}.{face}", written, request.config.getoption("--update-golden"))


def test_ten_thousand_slices_are_cut_as_it_was_reviewed(request: pytest.FixtureRequest) -> None:
    written = markdown(reports.many(), limit=8_000, whole="https://forge.example/runs/17/report.html")
    check(HERE / "many.md", written, request.config.getoption("--update-golden"))


def test_no_golden_file_is_left_over() -> None:
    expected = {f"{name}.{face}" for name in ALL for face in FACES} | {"many.md"}
    kept = {path.name for path in HERE.iterdir() if path.is_file() and path.suffix != ".py"}
    assert kept == expected
