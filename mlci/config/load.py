"""mlci.yml → settings. Strict, and all problems at once, each with its file, line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlci.config.consistency import contradictions
from mlci.config.nodes import LARGEST_FILE, read_nodes
from mlci.config.problems import raise_all
from mlci.config.quote import one_line
from mlci.config.reader import Reader
from mlci.config.settings import Settings
from mlci.errors import FileMissing


@dataclass(frozen=True)
class Loaded:
    """What a configuration file sets, and where each of it stands."""

    path: str
    settings: Settings = field(repr=False)


def load(path: str, environ: Mapping[str, str], *, required: bool = True) -> Loaded | None:
    """Read a configuration file.

    Args:
        path: the file, as the user named it.
        environ: what ``${NAME}`` references are replaced from.
        required: whether the file must exist.

    Returns:
        What it sets; None when there is no such file and none is required.

    Raises:
        MlciError: the problem of the file, or all of them together.
    """
    content = _content(path, required)
    if content is None:
        return None
    shown = one_line(path)
    reader = Reader(shown, environ)
    settings = reader.document(read_nodes(content, shown))
    raise_all([*reader.problems, *contradictions(settings)])
    return Loaded(path, settings)


def _content(path: str, required: bool) -> bytes | None:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except FileNotFoundError as problem:
        if not required:
            return None
        raise FileMissing(f"{one_line(path)} does not exist", help="name the file with --config") from problem
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise FileMissing(f"{one_line(path)} cannot be read: {reason}") from problem
