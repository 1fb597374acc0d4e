"""The scans of code-ci: what is looked for, each beside the checks and within the same budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlci.steps.code_scans import Scans

if TYPE_CHECKING:
    from mlci.adapters.checks.side_by_side import Ended, Job
    from mlci.cli.code_bench import Bench


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Scans that are about to be made."""

    jobs: Sequence[Job] = ()

    def results(self, ended: Mapping[str, Ended]) -> Scans:  # noqa: ARG002
        """What they saw."""
        return Scans()


def prepared(bench: Bench) -> Prepared:  # noqa: ARG001
    """The scans that are configured and asked for."""
    return Prepared()
