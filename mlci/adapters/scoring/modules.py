"""The user's own modules as the worker names them: hostile, so that only files of the folders asked for are taken."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from mlci.adapters.disk.folders import read_file
from mlci.adapters.oneline import one_line
from mlci.adapters.scoring.answer import Written
from mlci.adapters.scoring.asked import Interpreter
from mlci.domain.training import OwnModule, PayloadFile
from mlci.errors import ArtifactRefused, FileMissing, ModelUnusable, Place

_MOST = 5_000
_LARGEST = 8 << 20
_LARGEST_SUM = 256 << 20
_NAMED = 5


def own_folders(interpreter: Interpreter) -> tuple[str, ...]:
    """Folders whose modules are the user's own: those that are named, else its folder and the top of its work tree."""
    if interpreter.own:
        return interpreter.own
    here = Path(os.path.realpath(interpreter.cwd))
    top = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    return tuple(dict.fromkeys((str(top), str(here))))


def own_modules(written: Written, folders: Sequence[str]) -> tuple[OwnModule, ...]:
    """The modules of an answer with their digests, by path.

    Args:
        written: the answer.
        folders: where they may lie.

    Raises:
        ModelUnusable: there are too many, a path is none of a module, or a file is not there or lies elsewhere.
    """
    if len(written.modules) > _MOST:
        raise _refuse(f"names more than {_MOST:,} modules")
    if len({path for path, _ in written.modules}) < len(written.modules):
        raise _refuse("names a module twice")
    tops = [Path(os.path.realpath(folder)) for folder in folders]
    found, left = [], _LARGEST_SUM
    for path, place in sorted(written.modules):
        found.append(_module(path, place, tops))
        left -= found[-1].file.size
        if left < 0:
            raise _refuse(f"names modules of more than {_LARGEST_SUM >> 20} MiB")
    return tuple(found)


def _module(path: str, place: str, tops: Sequence[Path]) -> OwnModule:
    parts = path[: -len(".py")].split("/")
    if not path.endswith(".py") or not all(part.isidentifier() for part in parts) or len(path) > 400 or "\0" in place:
        raise _refuse(f"names a module {one_line(path, 100)!a} that cannot be one")
    try:
        # A folder could lead elsewhere by a link, although the file itself is none.
        real = Path(os.path.realpath(place))
        if not any(real.is_relative_to(top) for top in tops):
            raise _refuse(f"names the module {path} outside the work tree")
        content = read_file(str(real), _LARGEST)
    except (FileMissing, ArtifactRefused) as error:
        raise ModelUnusable(f"the module {path} of your own cannot be kept: {error.cause}") from error
    file = PayloadFile(path=path, digest=hashlib.sha256(content).hexdigest(), size=len(content))
    return OwnModule(file=file, place=str(real))


def not_kept(written: Written) -> tuple[str, ...]:
    """A sentence where modules of the user's own have no source that could be kept with the model."""
    names = [one_line(name, 100) for name in written.unkept[:_NAMED]]
    if not names:
        return ()
    more = f" and {len(written.unkept) - len(names)} more" if len(written.unkept) > len(names) else ""
    return (f"modules of your own without a source are not kept with the model: {', '.join(names)}{more}",)


def _refuse(what: str) -> ModelUnusable:
    return ModelUnusable(f"the answer of scoring {what}", place=Place("answer.json"))
