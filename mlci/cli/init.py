"""``mlci init``: look at the repository, ask what cannot be known, and write mlci.yml and the pipeline."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlci.cli.init_checks import NOTHING_CHECKED, checks_code, contract_of
from mlci.cli.setup_gitlab import hosts
from mlci.config.model import DEFAULT_FILE
from mlci.config.problems import raise_all
from mlci.config.quote import one_line, printable
from mlci.domain.origin import origin
from mlci.errors import Exit, FileMissing, MlciError, NotWritable, Place, UsageError
from mlci.steps import caller, including, init
from mlci.steps.init import SPLIT, Answers
from mlci.surface.pin import OWNER_AND_NAME, PIN

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.survey import Survey

_SCHEMA = f"https://raw.githubusercontent.com/{OWNER_AND_NAME}/{PIN.sha}/docs/reference/mlci.schema.json"
_WORKFLOWS = ".github/workflows"
_MOST_SHOWN = 12


@dataclass(frozen=True)
class _Place:
    """A folder of a repository.

    Attributes:
        folder: that the model is in.
        top: of the repository.
        survey: what was found there.
    """

    folder: Path
    top: Path
    survey: Survey


def run(invocation: Invocation) -> Exit:
    """Look, ask, write, and say what was written and what is left to do."""
    own = invocation.own
    place = _look(own["folder"])
    given = Answers(
        model=own["model"], train=own["train"], data=_path(place, own["data"], "--data"),
        holdout=_path(place, own["holdout"], "--holdout"), target=own["target"],
    )  # fmt: skip
    place = _with(place, given)
    if not invocation.wants("yes") and _is_terminal():
        place, given = _asked(place, given)
    answers = init.guess(place.survey, given)
    init.check(place.survey, answers)
    source = answers.data if answers.holdout == SPLIT else None
    columns = init.columns_of(place.survey, answers.data, answers.holdout)
    files: dict[Path, bytes] = {}
    if source is not None:
        answers, parts = _split(place, answers, source)
        files.update(parts)
    answers = _identified(place, answers, columns, files)
    drafted = contract_of(place.folder, answers.data or "", files.get(place.folder / (answers.data or "")))
    answers = replace(answers, contract=drafted.path)
    if drafted.path is not None and drafted.text is not None:
        files[place.folder / drafted.path] = drafted.text
    forge = init.forge_of(place.survey, own["forge"], hosts(invocation.environ))
    advice = [*init.advice(place.survey, answers, source=source, forge=forge), drafted.told]
    check_code = None
    if forge in ("github", "gitlab") and not checks_code(place.folder, place.top, invocation.environ):
        check_code = "false"
        advice.append(NOTHING_CHECKED)
    if forge == "github":
        files.update(_workflow(place, answers, check_code))
    elif forge == "gitlab":
        pipeline, paragraphs = _pipeline(place, answers, check_code, force=invocation.wants("force"))
        files.update(pipeline)
        advice += paragraphs
    # The last one, so that where it stands everything else does.
    files[place.folder / DEFAULT_FILE] = init.configuration(place.survey, answers, _SCHEMA)
    ignore = place.folder / ".gitignore"
    lines = init.ignoring(_read(ignore) or b"", init.written_model(place.survey, answers.train or ""))
    written = _write(place, {ignore: lines, **files}, force=invocation.wants("force"))
    _tell(place, answers, written, advice)
    return Exit.PASS


def _look(named: str) -> _Place:
    from mlci.adapters.survey import survey, top_of

    folder = Path(named).resolve()
    if not folder.is_dir():
        raise FileMissing(f"there is no folder {one_line(named)}", place=Place("--folder"))
    return _Place(folder, top_of(folder), survey(folder))


def _path(place: _Place, named: str | None, flag: str) -> str | None:
    """A path as mlci.yml would name it: from its own folder, with / between folders.

    Raises:
        FileMissing: there is nothing of that name.
        UsageError: no commit could have it.
    """
    if named is None or (named == SPLIT and flag == "--holdout"):
        return named
    path = Path(os.path.normpath(place.folder / named))
    if not path.is_relative_to(place.top):
        raise UsageError(f"{one_line(named)} lies outside the repository", place=Place(flag))
    if path == place.folder or not path.exists():
        raise FileMissing(
            f"there is no {one_line(named)} in {one_line(str(place.folder))}", place=Place(flag),
            help=f"paths are taken from the folder of {DEFAULT_FILE}",
        )  # fmt: skip
    return Path(os.path.relpath(path, place.folder)).as_posix()


def _with(place: _Place, answers: Answers) -> _Place:
    """The same, with what was named by hand looked at too."""
    from mlci.adapters.survey import data_file

    known = {one.path for one in place.survey.data}
    named = dict.fromkeys(path for path in (answers.data, answers.holdout) if path is not None and path != SPLIT)
    more = tuple(data_file(place.folder, path) for path in named if path not in known)
    return replace(place, survey=replace(place.survey, data=(*place.survey.data, *more)))


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _asked(place: _Place, given: Answers) -> tuple[_Place, Answers]:
    """Ask for everything that no option gave; what was found is the answer to accept."""

    def path(flag: str) -> Callable[[str], str]:
        return lambda text: str(_path(place, text.strip(), flag))

    questions: tuple[tuple[str, str, Callable[[str], str]], ...] = (
        ("train", "Command that trains the model", str.strip),
        ("data", "What it is trained on", path("--data")),
        ("holdout", f"What it is judged on, which training never sees ({SPLIT}: a quarter of it)", path("--holdout")),
        ("target", "Column of the true label or value", str.strip),
        ("model", "Name of the model", str.strip),
    )
    for name, question, read in questions:
        if getattr(given, name) is not None:
            continue
        found = getattr(init.guess(place.survey, given), name)
        if name == "target":
            columns = init.columns_of(place.survey, given.data, given.holdout)
            more = ", …" if len(columns) > _MOST_SHOWN else ""
            question += f" ({', '.join(map(printable, columns[:_MOST_SHOWN]))}{more})" if columns else ""
            found = found or (columns[-1] if columns else None)
        given = replace(given, **{name: _answer(question, found, read)})
        place = _with(place, given)
    return place, given


def _answer(question: str, found: str | None, read: Callable[[str], str]) -> str:
    def understood(text: str) -> str:
        try:
            return read(text)
        except MlciError as error:
            # click asks again.
            raise click.UsageError(error.cause) from error

    shown = f"{question} [{printable(found)}]" if found is not None else question
    answer: str = click.prompt(shown, default=found, show_default=False, value_proc=understood)
    return answer


def _split(place: _Place, answers: Answers, source: str) -> tuple[Answers, dict[Path, bytes]]:
    from mlci.adapters.tables.split import split

    kept, held = init.parts_of(source)
    known = place.survey.file(source)
    if known is None or not known.splits:
        raise UsageError(
            f"{one_line(source)} cannot be split here: it is neither CSV nor JSON Lines", place=Place("--holdout"),
            help="set a part of it aside by a rule of your own, and name it with --holdout",
        )  # fmt: skip
    train, holdout = split(str(place.folder / source))
    # The holdout first: beside the whole file it says that a split was begun, which no other file could.
    files = {place.folder / held: holdout, place.folder / kept: train}
    return replace(answers, data=kept, holdout=held), files


def _identified(place: _Place, answers: Answers, columns: Sequence[str], files: dict[Path, bytes]) -> Answers:
    """The same, with what the holdout's own values say of its rows."""
    from mlci.adapters.survey import values_of

    named = init.id_columns(columns, answers.target)
    holdout = place.folder / (answers.holdout or "")
    return init.identified(answers, values_of(holdout, named, files.get(holdout))) if named else answers


def _workflow(place: _Place, answers: Answers, check_code: str | None) -> dict[Path, bytes]:
    """The pipeline on GitHub: a file of its own for each model."""
    below, name = place.survey.below, answers.model or ""
    text = caller.workflow(
        uses=PIN.uses(".github/workflows/model.yml"),
        branch=place.survey.branch or "main",
        check=name if below else "model",
        config=_config(place),
        python_version=place.survey.python,
        setup=_setup(place),
        check_code=check_code,
    )
    file = f"mlci-{name}.yml" if below else caller.FILE
    return {place.top / _WORKFLOWS / file: text.encode()}


def _pipeline(
    place: _Place, answers: Answers, check_code: str | None, *, force: bool
) -> tuple[dict[Path, bytes], list[str]]:
    """The pipeline on GitLab, which is one file for everything, and what is left to do by hand."""
    component, python = PIN.component("model"), place.survey.python
    inputs = {
        "config": _config(place),
        "job_prefix": answers.model if place.survey.below else None,
        "setup": _setup(place),
        "train_image": f"python:{python}" if python is not None else None,
        "check_code": check_code,
    }
    path, content = place.top / including.FILE, including.pipeline(component, **inputs).encode()
    found = origin(place.survey.remote) if place.survey.remote is not None else None
    left = [including.settings(found.host if found is not None else None)]
    there = _read(path)
    if force or there in (None, content):
        return {path: content}, left
    if not including.has(there or b"", _config(place)):
        inputs["stage"] = including.stage_among(place.survey.stages)
        left.insert(0, including.left(there or b"", including.included(component, **inputs)))
    return {}, left


def _config(place: _Place) -> str | None:
    """The configuration file as the pipeline names it; None where it stands at the top, as the default one does."""
    return f"{place.survey.below}/{DEFAULT_FILE}" if place.survey.below else None


def _setup(place: _Place) -> str | None:
    """What installs the training environment; None where the pipeline finds that itself."""
    if place.survey.requirements or not place.survey.project:
        return None
    below = place.survey.below
    return f"python -m pip install {shlex.quote(f'./{below}' if below else '.')}"


def _write(place: _Place, files: dict[Path, bytes], *, force: bool) -> dict[str, str]:
    """Write everything, or nothing where something may not be written; say what was done, by path from here."""
    from mlci.adapters.disk import files as disk

    raise_all([problem for path, content in files.items() for problem in _refused(place, path, content, force)])
    done = {}
    for path, content in files.items():
        before = _read(path)
        if before != content:
            disk.write(str(path), content)
        done[os.path.relpath(path)] = "as it was" if before == content else "written" if before is None else "changed"
    return done


def _refused(place: _Place, path: Path, content: bytes, force: bool) -> Iterator[MlciError]:
    shown = one_line(path.relative_to(place.top).as_posix())
    if path.is_symlink() or not path.parent.resolve().is_relative_to(place.top):
        yield NotWritable(f"{shown} is a symbolic link or lies behind one", place=Place(shown))
    elif path.exists() and not path.is_file():
        yield NotWritable(f"{shown} is there and no file", place=Place(shown))
    elif path.name != ".gitignore" and not force and _read(path) not in (None, content):
        yield UsageError(f"{shown} is there already", place=Place(shown), help="--force replaces it")


def _read(path: Path) -> bytes | None:
    """The content of a plain file; None where there is none."""
    if not path.is_file():
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotWritable(f"cannot read {one_line(str(path))}: {error.strerror}") from error


def _tell(place: _Place, answers: Answers, written: dict[str, str], advice: list[str]) -> None:
    width = max(len(one_line(path)) for path in written)
    lines = [f"{one_line(path):<{width}}  {what}" for path, what in written.items()]
    lines += [f"\n{paragraph}" for paragraph in advice]
    config = os.path.relpath(place.folder / DEFAULT_FILE)
    lines.append("\nNext:")
    if os.path.lexists(place.top / ".git"):
        # The script too: what is left to do by hand may be a change of it.
        script = init.script_path(place.survey, answers.train or "")
        own = [] if script is None else [os.path.relpath(place.folder / script)]
        named = " ".join(shlex.quote(path) for path in dict.fromkeys((*written, *own)))
        lines.append(f"  git add -- {named} && git commit -m {shlex.quote(f'Judge {answers.model}')}")
    lines.append("  mlci run" + (f" --config {shlex.quote(config)}" if config != DEFAULT_FILE else ""))
    click.echo("\n".join(lines))
