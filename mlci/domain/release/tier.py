"""How much is at risk: from what policy names, what changed, and what nobody knows, to a level and the reasons for it.

Facts only ever raise the level: with one more of them it is the same or a higher one. What cannot be known counts as
the worst that it could be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from mlci.domain.patterns import Pattern
from mlci.domain.release.evidence import LEVELS, Level
from mlci.domain.release.people import Where
from mlci.domain.training import ModelPredicate
from mlci.domain.verdict import Verdict

# Hyper-parameters that say what kind of model it is, whatever policy names.
STRUCTURAL = ("architecture", "base_model", "model_class", "model_type")
# Distributions that make a model what it is; a change of one, or of its major version, is one of the model.
FRAMEWORKS = frozenset(
    {
        "catboost", "flax", "jax", "keras", "lightgbm", "onnxruntime", "prophet", "pyspark", "scikit-learn", "spacy",
        "statsmodels", "tensorflow", "torch", "transformers", "xgboost",
    }
)  # fmt: skip
_NAMED, _LONGEST = 3, 120


@dataclass(frozen=True, kw_only=True)
class LevelPolicy:
    """What belongs to one level, and who must agree to it."""

    changed: tuple[Pattern, ...] = ()
    params: tuple[str, ...] = ()
    approvals: int = 1
    allowed: tuple[str, ...] = ()
    by: tuple[Where, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TierPolicy:
    """What policy says of risk: every level, the level of what none of them names, and whether the use is regulated."""

    levels: Mapping[Level, LevelPolicy]
    otherwise: Level = "high"
    regulated: bool = False


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that changed.

    Attributes:
        path: from the top of the repository.
        touches: whether training or judging may read it.
    """

    path: str
    touches: bool


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a model and the change that made it.

    Attributes:
        files: that changed.
        params: hyper-parameters that changed, by dotted name.
        structure: what else of the model is another than production's, a sentence each.
        verdict: of the gate.
        waived: ids of findings that somebody waived.
        unknown: what could not be found out, a sentence each.
    """

    files: tuple[File, ...] = ()
    params: tuple[str, ...] = ()
    structure: tuple[str, ...] = ()
    verdict: Verdict = Verdict.PASS
    waived: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A level of risk.

    Attributes:
        level: low, medium or high.
        why: what makes it so, a sentence each.
        needed: how many people must agree.
        allowed: who may, as policy names them; none is anybody who may write.
        by: which ways to agree count; none is all.
    """

    level: Level
    why: tuple[str, ...]
    needed: int
    allowed: tuple[str, ...] = ()
    by: tuple[Where, ...] = ()


def tier_of(policy: TierPolicy, facts: Facts) -> Tier:
    """The level of risk, and who must agree."""
    named = [*_files(policy, facts.files), *_params(policy, facts.params), *_always(policy, facts)]
    level = _highest(each for each, _ in named)
    raised = [*_raising(facts)]
    if raised:
        level = LEVELS[min(LEVELS.index(level) + 1, len(LEVELS) - 1)]
    why = [sentence for each, sentence in named if each == level or raised]
    asked = policy.levels[level]
    return Tier(
        level=level,
        why=(*why, *raised) or ("nothing changed that policy names, or that the model is made from",),
        needed=asked.approvals,
        allowed=asked.allowed,
        by=asked.by,
    )


def _highest(levels: Iterator[Level]) -> Level:
    return max(levels, key=LEVELS.index, default=LEVELS[0])


def _files(policy: TierPolicy, files: Sequence[File]) -> Iterator[tuple[Level, str]]:
    """Each level that a changed file belongs to; one that no level names counts only where the model may read it."""
    by_level: dict[tuple[Level, bool], list[str]] = {}
    for file in files:
        levels = [level for level in LEVELS if any(one.touched_by(file.path) for one in policy.levels[level].changed)]
        if levels or file.touches:
            found = _highest(iter(levels)) if levels else policy.otherwise
            by_level.setdefault((found, bool(levels)), []).append(file.path)
    for (level, named), paths in by_level.items():
        said = f"which approval.{level}.changed names" if named else "which no level names (approval.otherwise)"
        yield level, f"changed: {_listed(paths)}, {said}: {level}"


def _params(policy: TierPolicy, names: Sequence[str]) -> Iterator[tuple[Level, str]]:
    """What a level names by the parameter; the file it stands in is judged as every other file."""
    for level in LEVELS:
        found = [name for name in names if any(_is_param(name, one) for one in policy.levels[level].params)]
        if found:
            kind = "parameters" if len(found) > 1 else "parameter"
            yield level, f"the {kind} {_listed(found)} changed, which approval.{level}.params names: {level}"


def _is_param(name: str, wanted: str) -> bool:
    return fnmatchcase(name, wanted) or name.startswith(f"{wanted}.")


def _always(policy: TierPolicy, facts: Facts) -> Iterator[tuple[Level, str]]:
    """What is of the highest level whatever policy names."""
    top = LEVELS[-1]
    if policy.regulated:
        yield top, "the model is for a regulated use (approval.regulated)"
    structural = [name for name in facts.params if any(_is_param(name, one) for one in STRUCTURAL)]
    if structural:
        yield top, f"the parameter {_listed(structural)} changed, so that it is another kind of model"
    yield from ((top, sentence) for sentence in facts.structure)
    yield from ((top, f"not known: {sentence}") for sentence in facts.unknown)
    if facts.verdict is Verdict.FAIL:
        yield top, "the gate failed"


def _raising(facts: Facts) -> Iterator[str]:
    if facts.verdict is Verdict.INCONCLUSIVE:
        yield "the gate could not tell, which raises the level by one"
    if facts.waived:
        yield f"somebody waived {_listed(facts.waived)}, which raises the level by one"


def _listed(names: Sequence[str]) -> str:
    short = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names[:_NAMED]]
    shown = [name if name.isprintable() else ascii(name) for name in short]
    others = len(names) - _NAMED
    return ", ".join(shown) + (f" and {others} more" if others > 0 else "")


# What differs between two models.


@dataclass(frozen=True)
class Differences:
    """How a model differs from production's, as far as their evidence says.

    Attributes:
        params: changed hyper-parameters by dotted name.
        structure: what else changed, a sentence each.
        unknown: what the evidence does not say, a sentence each.
    """

    params: tuple[str, ...] = ()
    structure: tuple[str, ...] = ()
    unknown: tuple[str, ...] = field(default=())


def differences(candidate: ModelPredicate, production: ModelPredicate) -> Differences:
    """What is another than in production."""
    ours, theirs = _flat(candidate.provenance.params), _flat(production.provenance.params)
    params = sorted(name for name in {*ours, *theirs} if ours.get(name, ...) != theirs.get(name, ...))
    structure = [*_of_format(candidate, production), *_of_frameworks(candidate, production)]
    columns = _of_columns(candidate, production)
    structure += [columns] if isinstance(columns, str) else []
    unknown = (
        ("the columns of the training data: the evidence of one of the two models does not name them",)
        if columns is ...
        else ()
    )
    return Differences(tuple(params), tuple(structure), unknown)


def _flat(params: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def _of_format(candidate: ModelPredicate, production: ModelPredicate) -> Iterator[str]:
    if candidate.format != production.format:
        yield f"the model is kept as {candidate.format}, production as {production.format}"


def _of_frameworks(candidate: ModelPredicate, production: ModelPredicate) -> Iterator[str]:
    ours, theirs = _frameworks(candidate), _frameworks(production)
    new, gone = sorted(ours.keys() - theirs.keys()), sorted(theirs.keys() - ours.keys())
    if new or gone:
        said = [f"{_listed(names)} {word}" for names, word in ((new, "is new"), (gone, "is gone")) if names]
        yield f"the model uses other frameworks than production: {', '.join(said)}"
    for name in sorted(ours.keys() & theirs.keys()):
        one, other = ours[name].partition(".")[0], theirs[name].partition(".")[0]
        if one != other:
            yield f"{name} has another major version than in production: {one} after {other}"


def _frameworks(model: ModelPredicate) -> dict[str, str]:
    environment = model.provenance.environment
    used = environment.loaded or environment.packages
    spelled = {name.lower().replace("_", "-"): version for name, version in used.items()}
    return {name: version for name, version in spelled.items() if name in FRAMEWORKS}


def _of_columns(candidate: ModelPredicate, production: ModelPredicate) -> Any:
    """A sentence where the training data has other columns; ``...`` where that is not known, None where it has not."""
    ours, theirs = candidate.provenance.data, production.provenance.data
    if ours is None or theirs is None:
        return None if ours is theirs else "only one of the two models names its training data"
    if ours.columns is None or theirs.columns is None:
        return None if ours.digest == theirs.digest else ...
    changed = sorted(
        name for name in {*ours.columns, *theirs.columns} if ours.columns.get(name) != theirs.columns.get(name)
    )
    return f"the columns of the training data changed: {_listed(changed)}" if changed else None
