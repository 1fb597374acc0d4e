"""plan: which files of a change touch the model, and so whether it has to be trained and judged again."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from mlci.config.model import Config
from mlci.config.problems import raise_all
from mlci.config.quote import printable
from mlci.domain.finding import Finding
from mlci.domain.inputs import Belongs, Reading, reading_of
from mlci.domain.patterns import Pattern, pattern
from mlci.domain.report import Report
from mlci.domain.run import ChangedFiles
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError, OutOfRange

STEP = "plan"

# Names that a sentence lists before it counts the others.
MOST_NAMED = 3
LONGEST_QUOTE = 200
# What a file is to the model, in the words of a sentence.
WORDS: dict[Belongs, str] = {
    "code": "code", "params": "hyper-parameters", "data": "training data", "environment": "environment",
    "holdout": "holdout", "contract": "data contract", "configuration": "configuration", "pipeline": "pipeline",
}  # fmt: skip
_WHOLE = "everything but documentation and tests touches the model (train.paths narrows it down)"


def reading(config: Config, config_path: str) -> Reading:
    """What training and judging read, by this configuration.

    Args:
        config_path: the configuration file, from the top of the repository.

    Raises:
        OutOfRange: a pattern of ``train.paths`` cannot be understood; all such problems together.
    """
    path = posixpath.normpath(config_path)
    folder = posixpath.dirname(path)
    train, data = config.train, config.data
    return reading_of(
        path,
        paths=patterns(train.paths, folder if not posixpath.isabs(folder) else "", "train.paths"),
        params=train.params,
        data=data.train.path,
        holdout=data.holdout.path,
        contracts=[one.contract for one in (data.train, data.holdout) if one.contract is not None],
        lock=train.lock,
    )


def run(files: ChangedFiles | None, reads: Reading, about: str) -> tuple[Report, bool]:
    """Say whether a change touches the model; what is not known counts as touching it.

    Args:
        files: what the change touches; None where the run is about no change.
        reads: as :func:`reading` gives it.
        about: what started the run, in the forge's word.

    Returns:
        The report, which always passes, and whether the model is touched.
    """
    if files is None:
        return _report(True, f"the run is about no change ({printable(about)}), so everything runs", ())
    if files.why is not None:
        return _report(
            True, f"which files the change touches is not known: {printable(files.why)}; so it counts whole", ()
        )
    if not files.complete:
        listed = f"{len(files.paths)} are listed"
        return _report(True, f"the forge does not list every file of the change ({listed}), so it counts whole", ())
    if posixpath.isabs(reads.config) or reads.config.split("/")[0] == "..":
        why = f"the configuration {printable(reads.config)} lies outside the repository and may have changed"
        return _report(True, f"{why}, so the change counts whole", ())
    changed = tuple(dict.fromkeys(files.paths))
    touching = [(path, parts) for path in changed if (parts := reads.parts_of(path))]
    return _report(bool(touching), _sentence(changed, touching), () if reads.paths else (_WHOLE,))


def untouched(step: str, model: str | None, why: str) -> Report:
    """The report of a step that has nothing to do, because the change touches nothing of the model.

    Args:
        step: that would have run.
        model: the model's name.
        why: what plan said; empty where it handed nothing on.
    """
    said = printable(why[:LONGEST_QUOTE]) if why else ""
    sentence = "the change touches nothing of the model" + (f": {said}" if said else "")
    finding = Finding(id="change:model", rule="change", verdict=Verdict.PASS, reason="untouched", message=sentence)
    return Report(step=step, verdict=Verdict.PASS, reason=sentence, findings=(finding,), model=model)


def patterns(paths: Sequence[str], folder: str, key: str) -> tuple[Pattern, ...]:
    """Patterns as a key of the configuration has them.

    Args:
        folder: that they are relative to, from the top of the repository.
        key: where they stand.

    Raises:
        OutOfRange: a pattern cannot be understood; all such problems together.
    """
    found: list[Pattern] = []
    problems: list[MlciError] = []
    for text in paths:
        try:
            found.append(pattern(text, folder))
        except ValueError as problem:
            hint = "patterns are written as in .gitignore, such as src/** or *.py"
            problems.append(OutOfRange(f"{key}: {printable(text)} {problem}", help=hint))
    raise_all(problems)
    return tuple(found)


def _sentence(changed: Sequence[str], touching: Sequence[tuple[str, Sequence[Belongs]]]) -> str:
    if not changed:
        return "the change touches no file"
    many = len(changed) > 1
    if not touching:
        none = f"none of the {len(changed)} changed files touches" if many else "the one changed file does not touch"
        return f"{none} the model: {_named([printable(path) for path in changed])}"
    verb = "touch" if len(touching) > 1 else "touches"
    share = f"{len(touching)} of {len(changed)} changed files {verb}" if many else "the one changed file touches"
    return f"{share} the model: {_named([f'{printable(path)} ({_as(parts)})' for path, parts in touching])}"


def _as(parts: Sequence[Belongs]) -> str:
    return " and ".join(WORDS[part] for part in parts)


def _named(names: Sequence[str]) -> str:
    others = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {others} more" if others > 0 else "")


def _report(touches: bool, sentence: str, assumptions: tuple[str, ...]) -> tuple[Report, bool]:
    finding = Finding(
        id="change:model",
        rule="change",
        verdict=Verdict.PASS,
        reason=None if touches else "untouched",
        message=sentence,
    )
    report = Report(
        step=STEP, verdict=Verdict.PASS, reason=sentence, findings=(finding,), assumptions=assumptions
    )  # fmt: skip
    return report, touches
