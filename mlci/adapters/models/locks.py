"""An environment as requirements of exact versions, read by pip and uv, and compared with an interpreter."""

from __future__ import annotations

import re

from mlci.domain.training import Environment

# https://packaging.python.org/en/latest/specifications/name-normalization/
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# https://packaging.python.org/en/latest/specifications/version-specifiers/, as far as it matters for a line of its own.
_VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+!-]*[A-Za-z0-9])?")
_PYTHON = re.compile(r"# python: (\d{1,2}\.\d{1,3})(?:\.\S*)?")
_PINNED = re.compile(
    rf"\s*({_NAME.pattern})\s*(?:\[[^\]]*\])?\s*={{2,3}}\s*({_VERSION.pattern})\s*(?:;.*|\\)?\s*(?:#.*)?"
)


def lock_text(environment: Environment) -> str:
    """Requirements of what was really loaded, exact versions, one on each line in the order of their names.

    What no index has (installed from a folder or a repository) stands there as a comment: nobody could install it.
    Where it is not known what was loaded, everything that is installed is named.
    """
    lines = [f"# python: {_plain(environment.python)}", f"# platform: {_plain(environment.platform)}"]
    nowhere = {normalised(name) for name in environment.unlocked}
    for name, version in sorted((environment.loaded or environment.packages).items()):
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            lines.append(f"# not named as an index names it: {_plain(name)} {_plain(version)}")
        elif normalised(name) in nowhere:
            lines.append(f"# not from an index: {name}=={version}")
        else:
            lines.append(f"{name}=={version}")
    return "\n".join(lines) + "\n"


def is_whole(lock: str) -> bool:
    """Whether a lock names everything that is needed, as ``lock_text`` does; MLflow's names what was asked for."""
    return python_of(lock) is not None and any(line.startswith("# platform: ") for line in lock.splitlines())


def pinned(lock: str) -> dict[str, str]:
    """Version of each distribution that a lock pins, by normalised name."""
    found = (_PINNED.fullmatch(line) for line in lock.splitlines())
    return {normalised(match[1]): match[2] for match in found if match is not None}


def unpinnable(lock: str) -> tuple[str, ...]:
    """The distributions that a lock can only name in a comment, because no index has them."""
    marker = "# not from an index: "
    return tuple(line.removeprefix(marker).partition("==")[0] for line in lock.splitlines() if line.startswith(marker))


def python_of(lock: str) -> str | None:
    """The Python that a lock of ours names, such as 3.11; None where it names none."""
    return next((match[1] for line in lock.splitlines() if (match := _PYTHON.match(line)) is not None), None)


def same(environment: Environment, lock: str) -> bool:
    """Whether an interpreter has what a lock names: the same Python up to its second number, and the same versions.

    A lock that names no Python, or a requirement that is not pinned, is never the same.
    """
    if python_of(lock) != minor(environment.python) or unpinned(lock):
        return False
    installed = {normalised(name): version for name, version in environment.packages.items()}
    return all(installed.get(name) == version for name, version in pinned(lock).items())


def unpinned(lock: str) -> tuple[str, ...]:
    """The lines of requirements that name no exact version."""
    lines = (line.strip() for line in lock.splitlines())
    return tuple(
        line
        for line in lines
        if line
        and not line.startswith(("#", "--hash", "--index-url", "--extra-index-url"))
        and not _PINNED.fullmatch(line)
    )


def minor(python: str) -> str:
    """The first two numbers of a version of Python."""
    return ".".join(python.split(".")[:2])


def normalised(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _plain(text: str) -> str:
    """Text that stays on its line of a comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200].strip()
