"""Run gate-compare on real files and hold what it left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """How the command ended: its exit, its report, and what it said on stderr."""

    exit: int
    report: dict[str, Any] | None
    said: str

    def finding(self, id: str) -> dict[str, Any]:
        assert self.report is not None, self.said
        [found] = [each for each in self.report["findings"] if each["id"] == id]
        return dict(found)

    @property
    def verdict(self) -> str | None:
        return None if self.report is None else str(self.report["verdict"])


Judge = Callable[..., Result]


def as_csv(columns: dict[str, Sequence[Any]]) -> str:
    lines = [",".join(columns)]
    lines += [
        ",".join("" if cell is None else str(cell) for cell in row) for row in zip(*columns.values(), strict=True)
    ]
    return "\n".join(lines) + "\n"


def never_green(result: Result) -> None:
    assert result.exit != 0
    assert result.verdict in (None, "inconclusive", "fail")
