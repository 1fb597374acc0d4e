"""The schemas of written records: what is written satisfies them, and nothing else does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.domain.finding import Finding
from mlci.domain.report import Report, Subject, as_json, plain
from mlci.domain.verdict import Verdict
from mlci.surface.generate import FOLDER, files
from mlci.surface.schema import record_schema

REPORT = json.loads(files()[f"{FOLDER}/report.schema.json"])
GATE = json.loads(files()[f"{FOLDER}/evidence-gate.schema.json"])

FINDING = Finding(
    id="compare:f1", rule="compare", verdict=Verdict.FAIL, message="worse", reason="regression", metric="f1",
    candidate=0.8741, baseline=0.8833, difference=-0.0092, standard_error=0.003, interval=(-0.0141, -0.0043),
    margin=0.005, method="paired", n=1000, scale="absolute", better="higher",
)  # fmt: skip
EXAMPLE = Report(
    step="gate-compare", verdict=Verdict.FAIL, reason="f1 is worse.", findings=(FINDING,),
    candidate=Subject(name="a.csv", digest="0" * 64), evidence={"gate": "1" * 64},
)  # fmt: skip


def accepts(document: Any) -> bool:
    return jsonschema.Draft202012Validator(REPORT).is_valid(document)


@pytest.mark.parametrize("schema", [REPORT, GATE], ids=["report", "gate"])
def test_a_generated_schema_is_a_schema(schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_report_satisfies_its_schema() -> None:
    jsonschema.Draft202012Validator(REPORT).validate(as_json(EXAMPLE))


def test_the_least_report_satisfies_its_schema() -> None:
    least = Report(step="gate-compare", verdict=Verdict.INCONCLUSIVE, reason="Nothing to judge.", findings=())

    assert accepts(json.loads(json.dumps(as_json(least))))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "mlci.report/2"},
        {"verdict": "green"},
        {"examples": None},
        {"examples": 1.5},
        {"examples": True},
        {"confidence": "0.95"},
        {"surprise": 1},
        {"evidence": {"gate": 7}},
        {"candidate": {"name": "a.csv"}},
        {"candidate": {"name": "a.csv", "digest": "0", "more": 1}},
        {"findings": [{"id": "x"}]},
        {"findings": [{**plain(FINDING), "interval": [0.1]}]},
        {"findings": [{**plain(FINDING), "interval": [0.1, 0.2, 0.3]}]},
        {"findings": [{**plain(FINDING), "margin": None}]},
        {"findings": [{**plain(FINDING), "rule": "whatever"}]},
        {"findings": "none"},
    ],
    ids=str,
)
def test_what_is_no_report_is_refused(change: dict[str, Any]) -> None:
    assert not accepts({**as_json(EXAMPLE), **change})


@pytest.mark.parametrize("name", ["schema", "step", "verdict", "reason", "findings"])
def test_a_report_without_one_of_its_parts_is_refused(name: str) -> None:
    document = as_json(EXAMPLE)
    del document[name]

    assert not accepts(document)


def test_every_field_of_report_and_finding_is_described() -> None:
    for properties, record in ((REPORT["properties"], Report), (REPORT["$defs"]["Finding"]["properties"], Finding)):
        assert [item.name for item in fields(record)] == [name for name in properties if name != "schema"]
        assert all(properties[item.name]["description"] for item in fields(record))


@dataclass(frozen=True)
class _Inner:
    """An inner record."""

    size: int


@dataclass(frozen=True)
class _Everything:
    """One field of each kind."""

    text: str
    number: float
    whole: int
    truth: bool
    word: Literal["a", "b"]
    verdict: Verdict
    pair: tuple[float, float]
    inner: _Inner
    several: tuple[_Inner, ...]
    names: list[str]
    counts: dict[str, int]
    anything: dict[str, Any]
    perhaps: str | None = None
    either: int | str = 0
    given: dict[str, str] = field(default_factory=dict)


EVERYTHING = st.builds(
    _Everything, number=st.floats(allow_nan=False, allow_infinity=False), anything=st.just({"a": [1]}),
    pair=st.tuples(*[st.floats(-1, 1)] * 2),
)  # fmt: skip


@settings(deadline=None)
@given(EVERYTHING)
def test_whatever_a_record_holds_satisfies_its_schema(record: _Everything) -> None:
    jsonschema.Draft202012Validator(record_schema(_Everything)).validate(json.loads(json.dumps(plain(record))))


def test_what_can_be_absent_is_not_required_and_never_null() -> None:
    schema = record_schema(_Everything)

    assert "perhaps" not in schema["required"]
    assert {"text", "either", "given"} <= set(schema["required"])
    assert schema["properties"]["perhaps"] == {"type": "string"}


def test_a_type_without_a_schema_is_a_mistake_found_at_once() -> None:
    @dataclass
    class Odd:
        """A record of something odd."""

        bytes_: bytes

    with pytest.raises(TypeError, match="no schema for"):
        record_schema(Odd)
