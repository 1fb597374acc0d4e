"""A verdict that waits for a person: the gate is green, and the status ``mlci/approval`` holds the merge back.

Only where policy leaves the merge to a person, only what noise hides from the gate, and only where the forge says that
nothing is merged without that status. What cannot be confirmed leaves the exit what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mlci.domain import gate as gates
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError
from mlci.ports import Status

if TYPE_CHECKING:
    from mlci.cli.forge import Forge
    from mlci.config.model import Config
    from mlci.domain.report import Report
    from mlci.ports import Commits
    from mlci.publish import Audience, Loudness

WAITS = "waits for a person"
_SHORT_DIGEST, _DESCRIPTION = 12, 140
_LARGEST_ARTIFACT = 64 << 20


def is_a_persons(report: Report, config: Config) -> bool:
    """Whether policy leaves it to a person to let this verdict through; never where evidence is missing."""
    if report.verdict is not Verdict.INCONCLUSIVE or config.validation.on_inconclusive.merge != "approve":
        return False
    return gates.compose(report.findings, "warn")[0].rank <= Verdict.WARN.rank


def held_back(
    report: Report, audience: Audience, asked: Callable[[Report], bool], say: Callable[[Loudness, str], None]
) -> bool:
    """Let the status that people give hold the merge back, and say whether it surely does.

    A success that people gave this very record of the gate stays.

    Args:
        report: of the gate, whose verdict is a person's to give.
        audience: the change that it is about, or the group of changes.
        asked: whether people were asked about such a verdict on a change of the group. On the group's own commit
            nothing is set: that status is given there for what people said on the change, and is missing until then.
        say: tells the reader of the log.
    """
    change, commits, context = audience.run.change, audience.commits, audience.approval
    if change is None or audience.untrusted or commits is None:
        return False
    if not audience.status or audience.silent is not None:
        say("warning", f"a person may let this through, but {context} is not set here, so that nothing would wait")
        return False
    try:
        why = commits.unheld(change.base_branch, context)
        if why is None and change.number is None and not asked(report):
            why = "on no change of this group were people asked about such a verdict"
        if why is None and not audience.dry_run and change.number is not None:
            _hold(report, audience, commits)
    except MlciError as error:
        why = f"the status {context} was not set: {error.cause}" + (f" ({error.help})" if error.help else "")
    if why is not None:
        say("warning", f"a person may let this through, but nothing would wait for them: {why}")
        return False
    verb = "dry run: would wait" if audience.dry_run else "waits"
    say("notice", f"{verb} for a person: {context} holds the merge back until enough people agree to this verdict")
    return True


def _hold(report: Report, audience: Audience, commits: Commits) -> None:
    from mlci.render import escape

    end = f" [gate {report.evidence['gate'][:_SHORT_DIGEST]}]"
    before = commits.status(audience.commit, audience.approval)
    if before is not None and before.state == "success" and before.description.endswith(end):
        return
    said = escape.cleaned(f"{WAITS}: {report.reason}", _DESCRIPTION - len(end)) + end
    commits.set_status(
        audience.commit,
        Status(context=audience.approval, state="pending", description=said, url=audience.run.url),
    )


def asked_on_change(forge: Forge, artifact: str, model: str | None) -> bool:
    """Whether the gate left a record of this very model, as undecided, on a change of the group that a run is for.

    Args:
        forge: that the run is on.
        artifact: name of what the gate leaves.
        model: sha256 of the evidence of the model.
    """
    from mlci.adapters.baselines.layout import GATE, LARGEST_GATE
    from mlci.adapters.disk.archive import only_member
    from mlci.adapters.evidence.gate import read_gate

    if model is None:
        return False
    for change in forge.runs.changes_in(forge.run):
        found = None if change.fork else forge.runs.artifact_of_commit(artifact, change.head)
        if found is None:
            continue
        packed = forge.runs.content(found, _LARGEST_ARTIFACT)
        record = read_gate(only_member(packed, GATE, LARGEST_GATE, nested=found.nested), "the gate's record")
        if record.model == model and record.verdict is Verdict.INCONCLUSIVE:
            return True
    return False


def as_waiting(report: Report) -> Report:
    """The report, whose reason says that somebody has to decide; its verdict stays what it is."""
    return replace(report, reason=f"{WAITS}: {report.reason}")
