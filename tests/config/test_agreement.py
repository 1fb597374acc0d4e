"""Loader and JSON Schema, put side by side on every key with every kind of value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mlci.config.load import load
from mlci.config.model import Config
from mlci.config.problems import flat
from mlci.config.shape import Shape, shapes
from mlci.errors import MlciError
from mlci.surface.config_schema import config_schema

# Written alike for every reader of YAML; what YAML 1.1 and 1.2 read differently stands in the corpus.
VALUES = (
    "", "~", "''", "' '", "a", "churn", "'1'", "production", "dev", "../x", "0", "1", "-1", "2", "17", "4294967296",
    "0.5", "0.51", "-0.4", "0.95", "1.0", "99.5", "true", "false", "'true'", "10%", "-50%", "51%", "'3 %'", "1e1%",
    "5m", "0s", "2 h", "1.5d", "3w", "warn", "fail-example", "fail_example", "error", "gpu", "binary", "high",
    "retrain", "higher", "[]", "[a]", "[a, b]", "[a, a]", "[1]", "['']", "[[a]]", "[f1]", "{}", "{a: b}", "{f1: 0.1}",
    "{f1: 0.6}", "{f1: {min: 2}}", "{rmse: {min: 2, tolerance: 5}}", "{own: {max: -3, better: lower}}",
    "{f1: {min: }}", "{mcc: {min: -1}}", "{r2: {max: 2}}", "{production: [gate]}", "{production: gate}",
    "{path: a, version: 2}", "{command: a}", "{tolerance: 0.2, require: shown}", "{merge: warn, promote: stop}",
    "{psi: 0.1}", "{psi: {threshold: -1}}", "{smoke: {sample: 2}}", "{smoke: {timeout: 5m}}", "[{slack: '#a'}]",
    "[{slack: 7}]", "[{slak: a}]", "{approvals: 21}", "{from: [a], changed: [b]}", "{max: 0.1, min: 0}", "${NAME}",
    "'${NAME}'", "$${NAME}", "content", "duckdb", "500MB", "500 MB", "0GB",
    "s3://bucket/key", "gs://bucket/a b/key.csv", "s3://bucket/", "s3://a:b@bucket/key", "s3://bucket/key?a=b",
)  # fmt: skip

VALIDATOR = jsonschema.Draft202012Validator(config_schema())


def paths(block: type[Any] = Config, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, shape in shapes(block).items():
        found.append((*prefix, name))
        inner: Shape = shape.inner if shape.kind == "mapping" else shape
        if inner.kind == "block":
            below = (*prefix, name, *(["f1"] if shape.kind == "mapping" else []))
            found.extend(paths(inner.dataclass, below))
    return found


LIMITS = [
    ("validation", f"{side}{metric}")
    for side in ("min_", "max-")
    for metric in ("f1", "r2", "rmse", "MCC-2", "own-column")
]
PATHS = [
    *paths(),
    *LIMITS,
    ("validation", "min_"),
    ("validation", "min_improvement"),
    ("validation", "min-improvement"),
    ("unknown",),
    ("train", "unknown"),
    ("compare_to",),
    ("data", "train", "key"),
]


def document(path: tuple[str, ...], value: str) -> str:
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(path)]
    return "\n".join(lines) + f" {value}\n"


def loads(file: Path, text: str, name: str) -> bool:
    file.write_text(text, encoding="utf-8")
    try:
        load(str(file), {"NAME": name})
    except MlciError as error:
        # Two values that contradict each other, or one that only a file's other values make wrong, are beyond a schema.
        return all(one.id == "C008" or " for accuracy" in one.cause or " for f1" in one.cause for one in flat([error]))
    return True


def fitting(value: str, path: tuple[str, ...], file: Path) -> bool:
    """Whether some value of the variable is accepted: a schema cannot know what it holds."""
    names = [
        "churn",
        "1",
        "0.6",
        "5m",
        "true",
        "warn",
        "error",
        "10%",
        "gpu",
        "binary",
        "high",
        "retrain",
        "point",
        "harm",
        "higher",
        "params",
        "logits",
        "none",
        "metrics.py:profit",
        "0.05",
        "content",
        "duckdb",
        "500MB",
        "s3://bucket/key",
    ]
    return any(loads(file, document(path, value), name) for name in names)


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_loader_and_schema_agree_on_every_value(path: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "mlci.yml"
    disagreements = []
    for value in VALUES:
        by_schema = VALIDATOR.is_valid(yaml.safe_load(document(path, value)))
        by_loader = fitting(value, path, file) if "{NAME}" in value else loads(file, document(path, value), "")
        if by_schema != by_loader:
            disagreements.append(f"{value}: schema {by_schema}, loader {by_loader}")

    assert disagreements == []
