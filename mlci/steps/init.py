"""init: from what a look at a repository finds to mlci.yml. It decides what is written, and writes nothing."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlci.config.key import NAME
from mlci.config.load import load_text
from mlci.config.model import DEFAULT_FILE
from mlci.config.quote import one_line, printable
from mlci.config.resolve import resolve
from mlci.domain import origin as origins
from mlci.domain.columns import USUAL, spelled
from mlci.domain.origin import origin
from mlci.domain.survey import DataFile, Survey, Values
from mlci.errors import MlciError, RequiredMissing, UsageError

# The answer that makes a holdout of a part of the training data.
SPLIT = "split"
# What every checkout leaves lying about and no commit should have.
IGNORED = (".mlci/", "mlci-model/", "mlci-keep/")

_HOLDOUTS = ("holdout", "heldout", "test", "testing", "validation", "valid", "val", "eval")
_TRAINS = ("train", "training")
# Files of rows that are made by models or are about something else.
_NO_DATA = frozenset({"pred", "preds", "prediction", "predictions", "submission"})
_WORD = re.compile(r"[a-z]+")
_SCRIPTS = ("train.py", "src/train.py", "training.py", "scripts/train.py")
# A file that a script names and that is a model by its ending.
_MODEL = re.compile(r"""["']([\w./-]{1,200}\.(?:joblib|pkl|pickle|skops|onnx|pt|pth))["']""")
_MOST_LISTED = 30
# customerID, beside customer_id.
_NAMED_ID = re.compile(r"[a-z0-9]I[dD]$")
_MOST_IDS = 20
# Below this, an interval over groups says little.
_FEWEST_GROUPS = 20


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What is set up; None is what is not known.

    Attributes:
        model: the model's name.
        train: the command that trains it.
        data: what it is trained on.
        holdout: what it is judged on, or ``split``.
        target: the column of the true label or value.
        id: the column that names each row of the holdout.
        group: the column of what its rows are drawn by.
        contract: the file that says what the training data must look like.
    """

    model: str | None = None
    train: str | None = None
    data: str | None = None
    holdout: str | None = None
    target: str | None = None
    id: str | None = None
    group: str | None = None
    contract: str | None = None


def guess(survey: Survey, given: Answers) -> Answers:
    """Every answer that was given, and for the others what was found."""
    train = given.train or _command(survey)
    rows = [one for one in survey.data if not _NO_DATA & set(_words(one.path))]
    data = given.data or _first(rows, _TRAINS) or _only([one for one in rows if _part(one, _HOLDOUTS) is None])
    holdout = given.holdout or _held_out(survey, rows, data)
    target = given.target or _target(survey, data, holdout)
    return Answers(model=given.model or _name(survey), train=train, data=data, holdout=holdout, target=target)


def _words(path: str) -> list[str]:
    return _WORD.findall(posixpath.splitext(posixpath.basename(path))[0].lower())


def _part(file: DataFile, words: Sequence[str]) -> int | None:
    """How well a file's name speaks of a part: the place of the word that it holds; None where it holds none."""
    held = _words(file.path)
    return next((place for place, word in enumerate(words) if word in held), None)


def _first(files: Sequence[DataFile], words: Sequence[str]) -> str | None:
    """The file whose name speaks most of a part, nearest to the top."""
    found = [(place, index) for index, one in enumerate(files) if (place := _part(one, words)) is not None]
    return files[min(found)[1]].path if found else None


def _only(files: Sequence[DataFile]) -> str | None:
    return files[0].path if len(files) == 1 else None


def _held_out(survey: Survey, rows: Sequence[DataFile], data: str | None) -> str | None:
    others = [one for one in rows if one.path != data and _part(one, _TRAINS) is None]
    ending = posixpath.splitext(data or "")[1]
    alike = [one for one in others if posixpath.splitext(one.path)[1] == ending]
    found = _first(alike, _HOLDOUTS) or _first(others, _HOLDOUTS)
    if data is not None and found == parts_of(data)[1]:
        # What an earlier run left that was cut short; all of the data is there, the holdout included.
        return SPLIT
    source = survey.file(data) if data is not None else None
    return found or (SPLIT if source is not None and source.splits else None)


def _target(survey: Survey, data: str | None, holdout: str | None) -> str | None:
    columns = columns_of(survey, data, holdout)
    usual = [name for name in columns if spelled(name) in (*USUAL["target"], "class", "outcome")]
    return usual[0] if len(usual) == 1 else None


def columns_of(survey: Survey, data: str | None, holdout: str | None) -> tuple[str, ...]:
    """The columns that the target can be one of; empty where none could be read."""
    found = survey.file(holdout or "") or survey.file(data or "")
    return found.columns if found is not None else ()


def id_columns(columns: Sequence[str], target: str | None) -> tuple[str, ...]:
    """The columns that are named like an id and could be written as one; none where there are very many."""
    named = [name for name in columns if name != target and _is_named_id(name)]
    return (
        tuple(name for name in named if name == name.strip() and name.isprintable()) if len(named) <= _MOST_IDS else ()
    )


def _is_named_id(name: str) -> bool:
    plain = spelled(name)
    if plain in USUAL["group"]:
        return False
    return plain in USUAL["id"] or plain.endswith("_id") or bool(_NAMED_ID.search(name.strip()))


def identified(answers: Answers, found: Sequence[Values]) -> Answers:
    """The same, with the column that names each row of the holdout, or the one that its rows are drawn by.

    Args:
        found: the values of every column that is named like an id.
    """
    whole = [one for one in found if one.rows and not one.empty]
    unique = [one.column for one in whole if one.different == one.rows]
    if len(unique) == 1:
        return replace(answers, id=unique[0])
    if len(found) == len(whole) == 1 and not unique and whole[0].different >= _FEWEST_GROUPS:
        return replace(answers, group=whole[0].column)
    return answers


def _command(survey: Survey) -> str | None:
    usual = [path for path in _SCRIPTS if path in survey.scripts]
    script = next(iter((*usual, *survey.scripts)), None)
    if script is not None:
        # Behind ./ a name cannot be taken for an option.
        return f"python {shlex.quote(f'./{script}' if script.startswith('-') else script)}"
    made = [f"make {name}" for name in survey.targets]
    return next(iter((*made, *survey.commands)), None)


def _name(survey: Survey) -> str:
    last = (survey.remote or "").rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git")
    for text in (survey.folder,) if survey.below else (last, survey.folder):
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:100]
        if re.fullmatch(NAME, name):
            return name
    return "model"


def check(survey: Survey, answers: Answers) -> None:
    """Refuse what is missing, everything at once, and what cannot be.

    Raises:
        RequiredMissing: it could neither be found nor was it given.
        UsageError: a name or a column cannot be.
    """
    columns = columns_of(survey, answers.data, answers.holdout)
    more = f" and {len(columns) - _MOST_LISTED} more" if len(columns) > _MOST_LISTED else ""
    listed = f"; the columns are {', '.join(map(printable, columns[:_MOST_LISTED]))}{more}" if columns else ""
    parts = {
        "what trains the model (--train)": answers.train,
        "what it is trained on (--data)": answers.data,
        "what it is judged on (--holdout)": answers.holdout,
        f"the column of the true label or value (--target{listed})": answers.target,
    }
    missing = [part for part, answer in parts.items() if answer is None]
    if missing:
        raise RequiredMissing(
            f"could not be found: {'; '.join(missing)}",
            help="give the options that are named, or run mlci init in a terminal and answer its questions",
        )
    if not re.fullmatch(NAME, answers.model or ""):
        raise UsageError(
            f"{printable(answers.model or '')} cannot be the name of a model",
            help="letters, digits, '.', '_' and '-', starting with a letter or a digit",
        )
    if columns and answers.target not in columns:
        raise UsageError(f"there is no column {printable(answers.target or '')}{listed}", help="give --target")
    if answers.data == answers.holdout or answers.holdout == parts_of(answers.data or "")[1]:
        raise UsageError(
            "the training data holds the holdout, so the model would be judged on what it has seen",
            help=f"give --holdout {SPLIT}, and a quarter of the rows is set aside",
        )


def parts_of(data: str) -> tuple[str, str]:
    """Where the two parts of a file that is split are written: what is trained on, and the holdout."""
    stem, ending = posixpath.splitext(data)
    return f"{stem}-train{ending}", f"{stem}-holdout{ending}"


def written_model(survey: Survey, train: str) -> str | None:
    """The one model file that the training script names itself, where it knows nothing of an output folder."""
    text = script_text(survey, train)
    if text is None or "MLCI_TRAIN_OUTPUT" in text:
        return None
    named = set(_MODEL.findall(text))
    one = posixpath.normpath(next(iter(named))) if len(named) == 1 else None
    return None if one is None or one.startswith(("/", "..")) else one


def script_text(survey: Survey, train: str) -> str | None:
    """The text of the script that a command runs; None where it runs no script that was found."""
    path = script_path(survey, train)
    return None if path is None else survey.scripts[path]


def script_path(survey: Survey, train: str) -> str | None:
    """The script that a command runs, from the folder of mlci.yml; None where it runs none that was found."""
    try:
        words = shlex.split(train)
    except ValueError:
        return None
    return next((path for word in words if (path := posixpath.normpath(word)) in survey.scripts), None)


def configuration(survey: Survey, answers: Answers, schema: str) -> bytes:
    """The text of mlci.yml, which says exactly what was answered.

    Args:
        schema: address of its JSON Schema, for editors.

    Raises:
        UsageError: an answer cannot stand in the file.
    """
    import yaml

    train, model = answers.train or "", written_model(survey, answers.train or "")
    evaluate = {part: getattr(answers, part) for part in ("target", "id", "group")}
    wanted: dict[str, Any] = {
        "model": answers.model,
        "data": {
            "train": answers.data if answers.contract is None else {"path": answers.data, "contract": answers.contract},
            "holdout": answers.holdout,
        },
        "train": train if model is None else {"command": train, "model": model},
        "evaluate": {part: column for part, column in evaluate.items() if column is not None},
        "validation": {"compare_to": "production"},
    }
    body = yaml.safe_dump(_literal(wanted), sort_keys=False, allow_unicode=True, width=1_000_000)
    text = f"# yaml-language-server: $schema={schema}\n{body}".encode()
    _confirm(text, answers)
    return text


def _literal(value: Any) -> Any:
    """The same, written so that nothing in it is taken for a reference to the environment."""
    if isinstance(value, dict):
        return {name: _literal(inner) for name, inner in value.items()}
    return value.replace("${", "$${") if isinstance(value, str) else value


def _confirm(text: bytes, answers: Answers) -> None:
    try:
        config = resolve(load_text(text, DEFAULT_FILE, {}), []).config
    except MlciError as error:
        raise UsageError(f"an answer cannot stand in {DEFAULT_FILE}: {error.cause}") from error
    read = Answers(
        model=config.model, train=config.train.command, data=config.data.train.path,
        holdout=config.data.holdout.path, target=config.evaluate.target, id=config.evaluate.id,
        group=config.evaluate.group, contract=config.data.train.contract,
    )  # fmt: skip
    if read != answers:
        wrong = next(name for name in vars(answers) if getattr(read, name) != getattr(answers, name))
        raise UsageError(
            f"{printable(str(getattr(answers, wrong)))} cannot stand in {DEFAULT_FILE} for {wrong}: it would be read "
            f"as {printable(str(getattr(read, wrong)))}"
        )


def ignoring(content: bytes, model: str | None = None) -> bytes:
    """The content of .gitignore with the lines that it lacks added at the end.

    Args:
        model: the file that training writes beside itself, if it does.
    """
    there = {line.strip().strip(b"/") for line in content.splitlines()}
    wanted = IGNORED if model is None else (*IGNORED, f"/{model}")
    lacking = [name.encode() + b"\n" for name in wanted if name.strip("/").encode() not in there]
    ended = content if not content or content.endswith(b"\n") else content + b"\n"
    return b"".join((ended, *lacking)) if lacking else content


def forge_of(survey: Survey, given: str | None, hosts: Iterable[str] = ()) -> str | None:
    """Whose pipeline is written: github, gitlab, or none as it was asked; None where nothing says whose.

    Args:
        hosts: that are known to be GitLab's.
    """
    if given is not None:
        return given
    from_remote = origin(survey.remote) if survey.remote is not None else None
    named = origins.forge_of(from_remote, hosts) if from_remote is not None else None
    if named is not None:
        return named
    if survey.github and survey.gitlab:
        return None
    return "github" if survey.github else "gitlab" if survey.gitlab else None


def advice(survey: Survey, answers: Answers, *, source: str | None, forge: str | None) -> list[str]:
    """What is left to do by hand, one paragraph each.

    Args:
        answers: as they stand in mlci.yml.
        source: the file that was split; None where none was.
        forge: whose pipeline is written, as ``forge_of`` says.
    """
    train = answers.train or ""
    text = script_text(survey, train)
    model = written_model(survey, train)
    found = _of_rows(answers)
    if model is not None:
        found.append(f"The model is taken from {one_line(model)}, which the script names. It has to write it anew.")
    elif text is None or "MLCI_TRAIN_OUTPUT" not in text:
        found.append(
            "Training has to save the model into the folder that MLCI_TRAIN_OUTPUT names, with a line such as\n"
            '    joblib.dump(model, os.path.join(os.environ["MLCI_TRAIN_OUTPUT"], "model.joblib"))\n'
            f"or train.model of {DEFAULT_FILE} names the file that it writes."
        )
    if source is not None:
        found.append(
            f"{one_line(answers.holdout or '')} holds a quarter of {one_line(source)}, chosen by what the rows hold; "
            f"{one_line(answers.data or '')} holds the rest."
        )
    if source is not None and (text is None or "MLCI_TRAIN_DATA" not in text):
        found.append(
            f"Training must not read {one_line(source)} any more: the holdout is a part of it. With a line such as\n"
            f'    data = os.environ.get("MLCI_TRAIN_DATA", "{one_line(answers.data or "")}")\n'
            "it reads what is left."
        )
    if survey.below and survey.beside:
        found.append(
            "Everything in the repository counts as its code until train.paths narrows it. If it reads nothing outside "
            f"of {one_line(survey.below)}, write in place of train of {DEFAULT_FILE}\n    {_narrowed(train, model)}"
        )
    if forge is None and survey.github and survey.gitlab:
        found.append(
            "No pipeline was written: there are .github and .gitlab-ci.yml: say --forge github or --forge gitlab."
        )
    elif forge is None:
        found.append(
            "No pipeline was written: neither the remote nor the files say whose it is. --forge github or --forge "
            "gitlab writes it."
        )
    elif forge != "none" and not (survey.requirements or survey.project):
        found.append("There is no requirements.txt: say in setup: of the pipeline what training needs installed.")
    return found


def _of_rows(answers: Answers) -> list[str]:
    holdout = one_line(answers.holdout or "")
    if answers.id is not None:
        return [f"evaluate.id is {printable(answers.id)}: it has another value in every row of {holdout}."]
    if answers.group is not None:
        return [
            f"evaluate.group is {printable(answers.group)}: it repeats in {holdout}, and rows that share a value of it "
            "are not counted as independent."
        ]
    return []


def _narrowed(train: str, model: str | None) -> str:
    """What trains, as one line of mlci.yml by which the files of its own folder are its code."""
    import yaml

    parts: dict[str, Any] = {"command": train, "model": model, "paths": ["**"]}
    wanted = _literal({name: value for name, value in parts.items() if value is not None})
    written = yaml.safe_dump(wanted, sort_keys=False, default_flow_style=True, allow_unicode=False, width=1_000_000)
    return f"train: {written.strip()}"
