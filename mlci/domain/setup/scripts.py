"""Which of our commands the shell lines of a job call, and what they are given."""

from __future__ import annotations

import re
from collections.abc import Mapping

# A command's first word: at the start of a line or a part of it, or behind what starts another program.
_CALL = re.compile(
    r"(?:^|[;&|({`]|\s-m[ \t]|\b(?:exec|time|then|do|else)[ \t]"
    r"|\b(?:uvx|uv run|pipx run)(?:[ \t]+-\S+(?:[ \t]+[^\s;&|-]\S*)?){0,4}[ \t])"
    r"[ \t]*(?:[A-Za-z_]\w*=[^\s;&|({`]*[ \t]+){0,9}"
    r"(?P<quote>[\"']?)(?:[^\s;&|({`#'\"]*/)?mlci(?P=quote)[ \t]+"
    r"(?:(?P<step>[a-z][a-z-]*)|[\"']?\$\{?(?P<variable>[A-Za-z_]\w*)\}?[\"']?)",
    re.MULTILINE,
)
# Longer scripts are not what calls a step, and a pattern over them would take its time.
_LONGEST = 65_536


def spoken(script: str) -> str:
    """Shell lines without comments, continued lines joined."""
    lines = script[:_LONGEST].replace("\\\n", " ").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def called(lines: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The words behind each call of mlci, each once; a word may also be no step of mlci at all.

    Args:
        environ: variables of the job, one of which may hold the word.
    """
    words = (found["step"] or environ.get(found["variable"], "") for found in _CALL.finditer(lines))
    return tuple(dict.fromkeys(word for word in words if word))


def given(lines: str, environ: Mapping[str, str], command: str, parameter: str) -> str | None:
    """What a parameter of one of our commands is set to, by flag or environment; None where it is not."""
    flag = re.search(rf"--{re.escape(parameter)}(?:=|[ \t]+)(\"[^\"]*\"|'[^']*'|[^\s\"']+)", lines)
    if flag:
        return flag[1].strip("\"'")
    return environ.get(f"MLCI_{command}_{parameter}".replace("-", "_").upper()) or None
