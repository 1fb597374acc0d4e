"""Publishing: which faces are written where and in which order, and what is shown to whoever asked."""

from __future__ import annotations

from pathlib import PurePath
from typing import get_args
from xml.etree import ElementTree

import pytest
from golden import reports

from mlci.errors import UsageError
from mlci.publish import Faces, Format, annotated, publish, shown
from mlci.render.annotations import annotations
from mlci.render.codequality import codequality
from mlci.render.html import html
from mlci.render.json import json
from mlci.render.junit import junit
from mlci.render.markdown import markdown
from mlci.render.openmetrics import openmetrics
from mlci.render.text import text


def published(name: str, path: str = "out/r.json") -> list[tuple[str, bytes]]:
    """What is written, in the order in which it is written."""
    written: list[tuple[str, bytes]] = []
    publish(reports.ALL[name](), Faces.beside(path), lambda where, content: written.append((where, content)))
    return written


@pytest.mark.parametrize(
    ("report", "stem"),
    [
        ("r.json", "r"),
        ("out/r.json", "out/r"),
        ("/abs/r.json", "/abs/r"),
        ("a.b/gate.v2.json", "a.b/gate.v2"),
        ("r.json.json", "r.json"),
        ("with space/ü.json", "with space/ü"),
        ("../up.json", "../up"),
    ],
)
def test_faces_stand_beside_the_report_under_its_name(report: str, stem: str) -> None:
    faces = Faces.beside(report)
    assert (faces.json, faces.markdown, faces.html, faces.junit) == (
        report,
        f"{stem}.md",
        f"{stem}.html",
        f"{stem}.junit.xml",
    )


def test_the_report_is_written_where_it_was_asked_for_letter_by_letter() -> None:
    assert Faces.beside("./out//r.json").json == "./out//r.json"


@pytest.mark.parametrize("report", ["r", "r.html", "r.md", "r.JSON", "r.json5", ".json", "r.json.gz", "out.json/r", ""])
def test_a_report_that_is_not_called_json_is_refused_before_a_face_overwrites_it(report: str) -> None:
    with pytest.raises(UsageError) as refused:
        Faces.beside(report)
    assert refused.value.cause == f"--report must end in .json, got {report}"
    assert refused.value.help == "the other faces are written beside it"


@pytest.mark.parametrize("report", ["r.json", "a/b.c.json", "x.junit.json", "r.html.json"])
def test_no_two_faces_share_a_file(report: str) -> None:
    faces = Faces.beside(report)
    assert len(set(faces.all)) == 6
    assert {PurePath(path).parent for path in faces.all} == {PurePath(report).parent}


@pytest.mark.parametrize("name", reports.ALL)
def test_each_file_holds_its_face_and_is_written_once(name: str) -> None:
    report = reports.ALL[name]()
    assert dict(published(name)) == {
        "out/r.md": markdown(report, whole="r.html").encode(),
        "out/r.html": html(report).encode(),
        "out/r.junit.xml": junit(report).encode(),
        "out/r.json": json(report).encode(),
    }
    assert sorted(path for path, _ in published(name)) == sorted(Faces.beside("out/r.json").always)


@pytest.mark.parametrize("name", reports.ALL)
def test_the_faces_that_only_one_forge_reads_are_written_where_it_asks_for_them(name: str) -> None:
    report, written = reports.ALL[name](), {}
    publish(report, Faces.beside("out/r.json"), written.__setitem__, ("codequality", "metrics"), "a/mlci.yml")
    assert set(written) == set(Faces.beside("out/r.json").all)
    assert written["out/r.codequality.json"] == codequality(report, "a/mlci.yml").encode()
    assert written["out/r.metrics.txt"] == openmetrics(report).encode()
    assert list(written)[-1] == "out/r.json"


@pytest.mark.parametrize("name", reports.ALL)
def test_the_report_comes_last_so_that_where_it_is_the_others_are(name: str) -> None:
    assert [path for path, _ in published(name)][-1] == "out/r.json"


@pytest.mark.parametrize("full", ["out/r.md", "out/r.html", "out/r.junit.xml"])
def test_no_report_is_written_when_another_face_could_not_be(full: str) -> None:
    written: list[str] = []

    def write(path: str, _: bytes) -> None:
        if path == full:
            raise OSError("no space left")
        written.append(path)

    with pytest.raises(OSError, match="no space left"):
        publish(reports.ALL["pass"](), Faces.beside("out/r.json"), write)
    assert "out/r.json" not in written


@pytest.mark.parametrize("name", reports.ALL)
def test_every_file_is_utf8_and_ends_its_last_line(name: str) -> None:
    for path, content in published(name):
        decoded = content.decode("utf-8")
        assert decoded.endswith((">", "\n")), path
        assert "\r" not in decoded
        assert not decoded.startswith("\ufeff")
    ElementTree.fromstring(dict(published(name))["out/r.junit.xml"])


def test_a_comment_that_had_to_be_cut_points_to_the_page_beside_it_and_not_to_its_folder() -> None:
    written: dict[str, bytes] = {}
    publish(reports.many(), Faces.beside("deep/in/r.json"), written.__setitem__)
    comment = written["deep/in/r.md"].decode()
    assert "The report is longer than fits here; the whole report: `r.html`." in comment
    assert "deep/in" not in comment


def test_publishing_twice_writes_the_same_bytes() -> None:
    assert published("fail") == published("fail")


@pytest.mark.parametrize("name", reports.ALL)
def test_what_is_shown_is_the_face_that_was_asked_for(name: str) -> None:
    report = reports.ALL[name]()
    assert shown(report, "text") == text(report)
    assert shown(report, "markdown") == markdown(report)
    assert shown(report, "json") == json(report)
    assert shown(report, "html") == html(report)
    assert annotated(report) == annotations(report)


def test_every_format_that_may_be_asked_for_shows_something_of_its_own() -> None:
    report = reports.ALL["fail"]()
    assert len({shown(report, format) for format in get_args(Format)}) == len(get_args(Format)) == 4


@pytest.mark.parametrize("width", [60, 100, 140])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("unicode", [False, True])
def test_the_terminals_abilities_reach_the_text(width: int, colour: bool, unicode: bool) -> None:
    report = reports.ALL["fail"]()
    written = shown(report, "text", width=width, colour=colour, unicode=unicode)
    assert written == text(report, width=width, colour=colour, unicode=unicode)
    assert ("\x1b[" in written) is colour
    assert written.isascii() is not unicode


@pytest.mark.parametrize("format", ["markdown", "json", "html"])
def test_a_terminals_abilities_change_no_other_face(format: Format) -> None:
    report = reports.ALL["fail"]()
    assert shown(report, format, width=60, colour=True, unicode=False) == shown(report, format)
