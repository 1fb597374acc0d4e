"""plan: which files of a change touch the model, and so whether it has to be trained and judged again."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from mlci.config.problems import raise_all
from mlci.config.quote import printable
from mlci.domain.finding import Finding
from mlci.domain.patterns import Pattern, pattern
from mlci.domain.report import Report
from mlci.domain.run import ChangedFiles
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError, OutOfRange

STEP = "plan"

# What is documentation where train.paths says nothing. Markdown in other folders may be a prompt, so it counts.
DOCUMENTATION = (
    "/docs/", "/doc/", "/*.md", "/*.rst", "/*.adoc", "README", "README.md", "README.rst", "README.txt", "CHANGELOG.md",
    "CONTRIBUTING.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENSES/", "NOTICE", "AUTHORS",
    "CITATION.cff", ".gitignore", ".editorconfig",
)  # fmt: skip
# The pipeline itself: whoever changes how the model is judged must see it judged.
PIPELINE = ("/.github/",)
# Names that a sentence lists before it counts the others.
MOST_NAMED = 3


def run(files: ChangedFiles | None, paths: Sequence[str], config_path: str, event: str) -> tuple[Report, bool]:
    """Say whether a change touches the model; what is not known counts as touching it.

    Args:
        files: what the change touches; None where the run is about no change.
        paths: ``train.paths``, patterns that begin at the configuration's folder; empty for everything but
            documentation.
        config_path: the configuration file, from the top of the repository.
        event: what started the run, in the forge's word.

    Returns:
        The report, which always passes, and whether the model is touched.

    Raises:
        OutOfRange: a pattern cannot be understood; all such problems together.
    """
    config = posixpath.normpath(config_path)
    own = _patterns(paths, posixpath.dirname(config))
    if files is None:
        return _report(True, f"the run is about no change ({printable(event)}), so everything runs", ())
    if not files.complete:
        listed = f"{len(files.paths)} are listed"
        return _report(True, f"the forge does not list every file of the change ({listed}), so it counts whole", ())
    if posixpath.isabs(config) or config.split("/")[0] == "..":
        why = f"the configuration {printable(config_path)} lies outside the repository and may have changed"
        return _report(True, f"{why}, so the change counts whole", ())
    changed = tuple(dict.fromkeys(files.paths))
    pipeline = [pattern(text) for text in PIPELINE]
    documentation = [pattern(text, folder) for text in DOCUMENTATION for folder in {"", posixpath.dirname(config)}]
    touching = [
        path
        for path in changed
        if f"{config}/".startswith(f"{path}/")
        or _touched(pipeline, path)
        or (_touched(own, path) if own else not any(one.matches(path) for one in documentation))
    ]  # fmt: skip
    assumptions = () if own else ("everything but documentation touches the model (train.paths narrows it down)",)
    return _report(bool(touching), _sentence(changed, touching), assumptions)


def _patterns(paths: Sequence[str], folder: str) -> list[Pattern]:
    found: list[Pattern] = []
    problems: list[MlciError] = []
    for text in paths:
        try:
            found.append(pattern(text, folder if not posixpath.isabs(folder) else ""))
        except ValueError as problem:
            hint = "patterns are written as in .gitignore, such as src/** or *.py"
            problems.append(OutOfRange(f"train.paths: {printable(text)} {problem}", help=hint))
    raise_all(problems)
    return found


def _touched(patterns: Iterable[Pattern], path: str) -> bool:
    return any(one.touched_by(path) for one in patterns)


def _sentence(changed: Sequence[str], touching: Sequence[str]) -> str:
    if not changed:
        return "the change touches no file"
    many = len(changed) > 1
    if not touching:
        none = f"none of the {len(changed)} changed files touches" if many else "the one changed file does not touch"
        return f"{none} the model: {_named(changed)}"
    verb = "touch" if len(touching) > 1 else "touches"
    share = f"{len(touching)} of {len(changed)} changed files {verb}" if many else "the one changed file touches"
    return f"{share} the model: {_named(touching)}"


def _named(paths: Sequence[str]) -> str:
    others = len(paths) - MOST_NAMED
    return ", ".join(map(printable, paths[:MOST_NAMED])) + (f" and {others} more" if others > 0 else "")


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
