"""Runs in the user's interpreter, from Python 3.8 on: which modules of the user's own a model was loaded with.

And, for a model that brings its own, how those of a work tree are kept from being imported in their place.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = ("stdlib", "platstdlib", "purelib", "platlib")
_MOST = 10_000


class _Folders:
    """Where modules may lie: the user's own, those of another version, and what is neither."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.own = [os.path.realpath(folder) for folder in request["own"]]
        self.forbidden = os.path.realpath(request["forbidden"]) if request["forbidden"] else None
        # What MLflow keeps of code with a model is part of it already, and Python itself may lie anywhere.
        paths = [request["model"], *(sysconfig.get_path(name) for name in _STANDARD)]
        self.neither = [os.path.realpath(path) for path in paths if path]

    def is_own(self, path: str) -> bool:
        real = os.path.realpath(path)
        return not self._is_neither(real) and any(_installed_not(real, folder) for folder in self.own)

    def is_forbidden(self, path: str) -> bool:
        real = os.path.realpath(path)
        if self.forbidden is None or self._is_neither(real) or any(_inside(real, folder) for folder in self.own):
            return False
        return _installed_not(real, self.forbidden)

    def _is_neither(self, real: str) -> bool:
        return any(_inside(real, folder) for folder in self.neither)


def _inside(real: str, folder: str) -> bool:
    return real == folder or real.startswith(folder.rstrip(os.sep) + os.sep)


def _installed_not(real: str, folder: str) -> bool:
    """Whether it lies in a folder, and not among installed packages that lie in it."""
    return _inside(real, folder) and not set(_INSTALLED) & set(Path(real[len(folder) :]).parts)


class _Finder:
    """A finder of modules, such as that of an editable installation, that does not see a work tree."""

    def __init__(self, finder: Any, folders: _Folders) -> None:
        self._finder, self._folders = finder, folders

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        found = self._finder.find_spec(name, path, target) if hasattr(self._finder, "find_spec") else None
        origin = getattr(found, "origin", None)
        return None if isinstance(origin, str) and self._folders.is_forbidden(origin) else found


def watched(score: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """The answer of scoring, with the modules it took: ``modules`` by path, ``unkept`` without a source."""
    folders = _Folders(request)
    _shut_out(folders)
    answer = score(request)
    return answer if "error" in answer else {**answer, **_found(folders)}


def _shut_out(folders: _Folders) -> None:
    """Let no module of the forbidden folder be found: neither by path nor by an editable installation."""
    if folders.forbidden is None:
        return
    sys.path[:] = [entry for entry in sys.path if not folders.is_forbidden(entry or os.getcwd())]  # noqa: PTH109
    ours = ("_frozen_importlib", "_frozen_importlib_external")
    sys.meta_path[:] = [
        finder if getattr(finder, "__module__", "") in ours else _Finder(finder, folders) for finder in sys.meta_path
    ]
    for name, path in list(_loaded()):
        if folders.is_forbidden(path):
            del sys.modules[name]


def _loaded() -> Iterator[tuple[str, str]]:
    """Name and file of every module that has one."""
    for name, module in list(sys.modules.items()):
        # Asking a module that is loaded on demand for an attribute could load it.
        path = getattr(module, "__dict__", {}).get("__file__")
        if name != "__main__" and isinstance(path, str) and os.path.isabs(path) and os.path.isfile(path):  # noqa: PTH113, PTH117
            yield str(name), path


def _found(folders: _Folders) -> dict[str, Any]:
    """What was loaded; a file is named with every symbolic link followed."""
    modules, unkept = [], []
    for name, path in sorted(_loaded()):
        if folders.is_forbidden(path):
            message = f"the module {name} was loaded from {path}, which is not of the model's own version"
            return {"error": {"kind": "of-another", "message": message}}
        if not folders.is_own(path):
            continue
        if path.endswith(".py") and all(part.isidentifier() for part in name.split(".")):
            modules.append([_below(name, path), os.path.realpath(path)])
        else:
            unkept.append(name)
    return {"modules": modules[:_MOST], "unkept": unkept[:_MOST]}


def _below(name: str, path: str) -> str:
    """Where a module lies below an import root."""
    whole = os.path.basename(path) == "__init__.py" and not name.endswith(".__init__")  # noqa: PTH119
    return name.replace(".", "/") + ("/__init__.py" if whole else ".py")
