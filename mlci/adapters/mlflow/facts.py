"""Names and values as MLflow takes them: characters, lengths and how many at once.

The limits are those of ``mlflow/utils/validation.py`` and of the columns of its database, MLflow 3.10 to 3.17.
"""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections.abc import Iterator, Mapping

from mlci.errors import UsageError

LONGEST_NAME = 250
LONGEST_PARAM = 6000
LONGEST_DESCRIPTION = 5000
# MLflow takes 100,000, other servers that speak its language take less.
LONGEST_TAG = 5000
_MOST_PARAMS, _MOST_METRICS = 100, 1000
# One request may have a million characters, with every sign outside ASCII written as six.
_LONGEST_REQUEST = 400_000
_NOT_IN_A_NAME = re.compile(r"[^\w.\- :/]")
# What is quoted in a condition, or would end one.
_MODEL = re.compile(r"[^/:'\"`\\\x00-\x1f\x7f]{1,250}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/ +=@-]{1,500}")


def model_name(model: str) -> str:
    """The name, if a registered model can have it.

    Raises:
        UsageError: it cannot.
    """
    if not _MODEL.fullmatch(model) or model != model.strip() or posixpath.normpath(model) != model or model == "..":
        raise UsageError(
            f"{model[:80]!a} cannot be the name of a registered model",
            help="a name has no slash, colon, quote, backslash or control character",
        )
    return model


def alias_name(alias: str) -> str:
    """The alias, if it can be set.

    Raises:
        UsageError: MLflow keeps it for itself, or it has other characters.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", alias):
        raise UsageError(f"{alias[:80]!a} cannot be an alias", help="an alias has letters, digits, '_' and '-'")
    if alias.lower() == "latest" or re.fullmatch(r"[vV][0-9]+", alias):
        raise UsageError(f"the alias {alias} means something else to MLflow", help="take another, such as production")
    return alias


def is_plain(text: str) -> bool:
    """Whether a text can stand in a condition between single quotes."""
    return _PLAIN.fullmatch(text) is not None


def cut(text: str, longest: int) -> str:
    """The text, or as much of it as fits, ending in an ellipsis; NUL, which PostgreSQL refuses, is replaced."""
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def renamed(values: Mapping[str, str] | Mapping[str, float]) -> dict[str, str]:
    """For each name the one that MLflow takes: other characters become ``_``, and no two become the same."""
    found: dict[str, str] = {}
    taken = {name for name in values if _name(name) == name}
    for name in values:
        fit = _name(name)
        for count in range(2, len(values) + 2):
            if fit == name or fit not in taken:
                break
            fit = f"{_name(name)[: LONGEST_NAME - 8]}_{count}"
        taken.add(fit)
        found[name] = fit
    return found


def _name(name: str) -> str:
    plain = _NOT_IN_A_NAME.sub("_", name)[:LONGEST_NAME]
    if not plain or posixpath.normpath(plain) != plain or plain.startswith(("..", "/")) or plain == ".":
        plain = re.sub(r"[/.]", "_", plain) or "_"
    return plain


def tags(values: Mapping[str, str]) -> dict[str, str]:
    """Tags of a version under names and at lengths that MLflow takes."""
    names = renamed(values)
    return {names[name]: cut(value, LONGEST_TAG) for name, value in values.items()}


def batches(
    params: Mapping[str, str], metrics: Mapping[str, float], *, longest: int = LONGEST_PARAM
) -> Iterator[tuple[dict[str, str], dict[str, float]]]:
    """Parameters and metrics in pieces of which one request each can hold; what is no finite number is left out.

    Args:
        params: cut at ``longest`` characters each.
        metrics: numbers by name.
        longest: that the registry takes.
    """
    names = renamed(params)
    batch: dict[str, str] = {}
    size = 0
    for name, value in params.items():
        fit = cut(value, longest)
        size += len(json.dumps(fit)) + LONGEST_NAME
        if batch and (len(batch) == _MOST_PARAMS or size > _LONGEST_REQUEST):
            yield batch, {}
            batch, size = {}, len(json.dumps(fit)) + LONGEST_NAME
        batch[names[name]] = fit
    if batch:
        yield batch, {}
    names = renamed(metrics)
    finite = [(names[name], float(value)) for name, value in metrics.items() if math.isfinite(value)]
    for start in range(0, len(finite), _MOST_METRICS):
        yield {}, dict(finite[start : start + _MOST_METRICS])
