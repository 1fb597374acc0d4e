"""``mlci conclude``: judge how the needed jobs ended. It asks nobody anything and needs no permission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlci.cli.delivery import EXITS, Delivery, discard
from mlci.cli.forge import job_of
from mlci.config.resolve import names_in
from mlci.steps import conclude

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.errors import Exit


def run(invocation: Invocation) -> Exit:
    """Judge, deliver and return the exit code of the verdict."""
    own = invocation.own
    faces = discard(invocation.command, own)
    report = conclude.run(
        own["needs"],
        expect=names_in(own["expect"] or ""),
        model_jobs=names_in(own["model_jobs"] or ""),
        may_skip=names_in(own["may_skip"] or ""),
        may_fail=names_in(own["may_fail"] or ""),
        plan=own["plan"],
    )
    Delivery(own, faces, invocation.environ, job_of(invocation.environ)).deliver(report, {})
    return EXITS[report.verdict]
