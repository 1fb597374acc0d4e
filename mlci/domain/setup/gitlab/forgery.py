"""Who could make the pipeline green without the gate: strong, medium or weak protection."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import READS, Setup
from mlci.domain.setup.gitlab.owners import owned
from mlci.domain.setup.gitlab.project import DEFAULT_PIPELINE
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_LOCK = "A check is a light, not a lock: what is promoted is judged again from the evidence."
_STRONG = (
    "Strong is a pipeline that stands in another project (Settings, CI/CD, General pipelines, CI/CD configuration "
    f"file: {DEFAULT_PIPELINE}@group/project) or, on Ultimate, a pipeline execution policy."
)
_APPROVAL = "'Code owner approval' on the protected branch (Premium)"


def forgery(setup: Setup) -> Finding:
    """Grade what keeps somebody who can push a branch from changing the pipeline that judges it."""
    project, branch = setup.project, shown(setup.branch)
    if project.pipeline_path is None:
        return finding(
            "forgery",
            Verdict.INCONCLUSIVE,
            f"where the pipeline of {branch} stands is unknown{setup.unreadable('settings')}",
            f"Give doctor a token with {READS}.",
            reason="unknown",
        )
    if project.pipeline_file is None:
        return finding(
            "forgery",
            Verdict.PASS,
            f"strong: the pipeline stands in {shown(project.pipeline_path)}, where no change to {branch} can alter it",
            f"Whether it runs the gate is seen there, and so is who may change it. {_LOCK}",
        )
    gaps = list(_gaps(setup))
    if not gaps:
        return finding(
            "forgery",
            Verdict.PASS,
            f"medium: owners approve every change of the pipeline and of {shown(setup.config)} before it is merged",
            "Whoever may push a branch still decides what its pipeline does, and a careless approval lets it through; "
            f"a fork has a pipeline of its own. {_STRONG} {_LOCK}",
        )
    if setup.settings.guard is None or setup.settings.guard.owner_approval is None:
        return finding(
            "forgery",
            Verdict.INCONCLUSIVE,
            f"who could change the pipeline of a merge request is unknown{setup.unreadable('branch')}",
            f"Give doctor a token with {READS}. {_STRONG}",
            reason="unknown",
        )
    return finding(
        "forgery",
        Verdict.WARN,
        "weak: whoever can push a branch can take the gate out of its pipeline, and merge it green",
        f"Missing for medium: {'; '.join(gaps)}. {_STRONG} {_LOCK}",
    )


def _gaps(setup: Setup) -> Iterator[str]:
    """What is missing for the grade medium."""
    guard, approvals = setup.settings.guard, setup.settings.approvals
    if guard is None or not guard.owner_approval:
        yield _APPROVAL
    unowned = _unowned(setup)
    if unowned:
        yield f"owners in CODEOWNERS of {listed(unowned)}"
    if approvals is not None and not (approvals.reset_on_push or approvals.reset_of_owners):
        yield "approvals that end with the next push"
    if guard is not None and guard.pushers:
        yield f"nobody who may push to {shown(setup.branch)} directly"


def _unowned(setup: Setup) -> list[str]:
    """The files that decide about the pipeline and that nobody owns."""
    local = [one.name for one in setup.pipeline.includes if one.kind == "local"] if setup.pipeline is not None else []
    files = [setup.project.pipeline_file or DEFAULT_PIPELINE, *local, setup.config]
    if setup.settings.owners is None:
        return list(dict.fromkeys(files))
    path, text = setup.settings.owners
    return [file for file in dict.fromkeys([*files, path]) if not owned(text, file.lstrip("/"))]
