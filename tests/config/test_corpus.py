"""Example files, read by the loader and judged by the JSON Schema: both must say the same of every one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest
import yaml

from mlci.config.load import load
from mlci.config.problems import flat
from mlci.config.resolve import Resolved, resolve
from mlci.errors import MlciError, catalogue
from mlci.surface.config_schema import config_schema

HERE = Path(__file__).parent
VALID = sorted((HERE / "valid").glob("*.yml"))
INVALID = sorted((HERE / "invalid").glob("*.yml"))
# A plain YAML loader would not come back from the file left out.
PLAIN = [path for path in INVALID if path.stem != "many-aliases"]

ENVIRON = {
    "MODEL": "churn", "HOST": "registry.example", "LIMIT": "0.8", "LOSS": "1%", "STRICT": "true", "HOW": "interval",
    "EMPTY": "",
}  # fmt: skip


def read(path: Path) -> Resolved:
    """A file as a command would read it."""
    return resolve(load(str(path), ENVIRON), ())


def expected(path: Path) -> list[str]:
    """What the first line of an invalid file says: error ids with the line they belong to."""
    first = path.read_bytes().splitlines()[0].decode()
    return sorted(re.findall(r"C[0-9]{3}(?:@[0-9]+)?", first))


def found(path: Path) -> list[str]:
    """The same for what the loader says; only the id where there is no line."""
    try:
        read(path)
    except MlciError as error:
        return sorted(_name(problem) for problem in flat([error]))
    return []


def _name(problem: MlciError) -> str:
    line = problem.place.line if problem.place else None
    return problem.id if line is None else f"{problem.id}@{line}"


# What a JSON Schema cannot say, by file, with the reason.
BEYOND_A_SCHEMA = {
    **dict.fromkeys(
        ("key-twice", "key-twice-by-spelling", "metric-twice-by-alias", "metric-twice-in-list", "merge-twice"),
        "a parsed document has each key once, and two spellings are two names",
    ),
    **dict.fromkeys(
        ("reference-not-set", "reference-set-to-nothing", "reference-of-wrong-type"),
        "what a variable holds is known only when the file is read",
    ),
    "reference-unclosed": "a text may hold anything",
    "waiver-until-no-day": "it knows no calendar",
    **dict.fromkeys(
        (
            "minimum-above-maximum", "limit-set-in-two-ways", "stage-that-does-not-exist", "common-tolerance-too-large",
            "slice-tolerance-too-large", "direction-of-a-known-metric", "fairness-minimum-above-maximum",
            "gain-and-loss", "gain-written-as-a-loss", "loss-written-as-a-gain",
            "negative-flip-rate-with-tolerance", "negative-flip-rate-with-gain", "ratio-of-one-column",
            "gain-without-a-better-side", "tolerance-without-a-better-side",
        ),
        "two keys that contradict each other",
    ),
    **dict.fromkeys(("tolerance-not-a-number", "limit-infinite", "number-too-long"), "JSON has finite numbers only"),
    **dict.fromkeys(("yes-for-text", "date-for-text"), "texts for YAML 1.2, but not for every reader"),
    **dict.fromkeys(("octal-number",), "a decimal number for YAML 1.2, but not for every reader"),
}  # fmt: skip


class _Core(yaml.SafeLoader):
    """YAML 1.2 core schema, as editors read it, with merge keys."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, _pattern, _first in (
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Core.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), [*_first.replace("\0", ""), ""]
    )


def _accepted_by_schema(path: Path) -> bool:
    try:
        document = yaml.load(path.read_bytes(), Loader=_Core)
        return jsonschema.Draft202012Validator(config_schema()).is_valid(document)
    except (yaml.YAMLError, TypeError, ValueError):
        return False


def _ids(paths: list[Path]) -> list[str]:
    return [path.stem for path in paths]


@pytest.mark.parametrize("path", VALID, ids=_ids(VALID))
def test_a_valid_file_is_read(path: Path) -> None:
    assert read(path).config is not None


@pytest.mark.parametrize("path", VALID, ids=_ids(VALID))
def test_a_valid_file_satisfies_the_schema(path: Path) -> None:
    document = yaml.load(path.read_bytes(), Loader=_Core)

    jsonschema.Draft202012Validator(config_schema()).validate(document)


@pytest.mark.parametrize("path", INVALID, ids=_ids(INVALID))
def test_an_invalid_file_gives_exactly_the_problems_it_names(path: Path) -> None:
    assert expected(path), "the first line names no error"
    assert found(path) == expected(path)


@pytest.mark.parametrize("path", PLAIN, ids=_ids(PLAIN))
def test_an_invalid_file_fails_the_schema_unless_a_schema_cannot_say_it(path: Path) -> None:
    assert _accepted_by_schema(path) == (path.stem in BEYOND_A_SCHEMA)


def test_every_exception_to_the_agreement_names_a_file() -> None:
    assert set(BEYOND_A_SCHEMA) <= set(_ids(INVALID))


def test_every_error_of_the_configuration_has_an_example_file() -> None:
    shown = {name.partition("@")[0] for path in INVALID for name in expected(path)}

    assert shown == {kind.id for kind in catalogue() if kind.id.startswith("C")}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())


def test_the_corpus_keeps_its_size() -> None:
    assert len(VALID) >= 25
    assert len(INVALID) >= 45
