"""mlci.yml → settings. Strict, and all problems at once, each with its file, line and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mlci.config.consistency import contradictions
from mlci.config.key import NAME
from mlci.config.nodes import LARGEST_FILE, Scalar, read_nodes
from mlci.config.nodes import Mapping as Block
from mlci.config.problems import raise_all
from mlci.config.quote import one_line
from mlci.config.reader import Reader
from mlci.config.settings import Settings
from mlci.errors import FileMissing, MlciError


@dataclass(frozen=True)
class Loaded:
    """What a configuration file sets, and where each of it stands; ``path`` is what the file is called."""

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
    return Loaded(path, _settings(content, one_line(path), environ))


def load_text(content: bytes, shown: str, environ: Mapping[str, str]) -> Loaded:
    """Read a configuration that does not come from this machine's files.

    Args:
        content: the file, as bytes.
        shown: what places in it are called, such as ``mlci.yml at 1a2b3c4``.
        environ: what ``${NAME}`` references are replaced from.

    Raises:
        MlciError: the problem of the file, or all of them together.
    """
    return Loaded(shown, _settings(content, one_line(shown), environ))


def model_named(path: str) -> str | None:
    """The model's name in a file whatever else is wrong with it; None where it cannot be told."""
    with suppress(MlciError):
        root = read_nodes(_content(path, required=True) or b"", one_line(path))
        entries = root.entries if isinstance(root, Block) else []
        names = [value.text for key, value in entries if key.text == "model" and isinstance(value, Scalar)]
        return names[0] if len(names) == 1 and re.fullmatch(NAME, names[0]) else None
    return None


def _settings(content: bytes, shown: str, environ: Mapping[str, str]) -> Settings:
    reader = Reader(shown, environ)
    settings = reader.document(read_nodes(content, shown))
    raise_all([*reader.problems, *contradictions(settings)])
    return settings


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
