"""What people read of a promotion: model card and release notes, kept with the version, and what a report shows."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.forge import on_github, on_gitlab
from mlci.domain.release.card import Page, Proven, model_card, release_notes
from mlci.errors import MlciError

if TYPE_CHECKING:
    from mlci.cli.releasing import Desk
    from mlci.domain.report import Section
    from mlci.ports import Version
    from mlci.steps.promoting.promote import Promoted

CARD, NOTES = "mlci/card.md", "mlci/notes-{stage}.md"


def papers(desk: Desk, found: Promoted) -> tuple[Section, ...]:
    """Keep card and notes with the version that a stage is at now; what the report shows of them.

    The decision stands whatever comes of it: what fails is said.
    """
    if found.judged is None:
        return ()
    try:
        after = _after(desk, found)
        before = _before(desk, found)
        notes = release_notes(found.wanted.stage, before, after, compare=_compare(desk.environ, before, after))
        version = desk.registry.numbered(desk.model, after.version)
        if found.ended is not None and found.ended.served and version is not None:
            attach(desk, version, {CARD: model_card(after), NOTES.format(stage=found.wanted.stage): notes})
    except MlciError as error:
        desk.say("warning", f"model card and release notes were not kept: {error.cause}")
        return ()
    # What the gate says stands in the report already.
    shown = ("inputs", "params", "packages") if found.judged.missing else ("inputs", "params", "packages", "rollback")
    return tuple(each for each in notes.sections if each.id in shown)


def attach(desk: Desk, version: Version, pages: Mapping[str, Page]) -> None:
    """Keep pages with a version, by their paths in it."""
    from mlci.render.page import page

    with tempfile.TemporaryDirectory(prefix="mlci-papers-") as folder:
        files = {}
        for place, (path, content) in enumerate(pages.items()):
            written = Path(folder, f"{place}.md")
            written.write_text(page(content), "utf-8")
            files[path] = str(written)
        desk.registry.annotate(version, {}, {}, files)


def _after(desk: Desk, found: Promoted) -> Proven:
    from mlci.adapters.evidence.gate import read_gate
    from mlci.adapters.evidence.ledger import read_approval
    from mlci.adapters.evidence.model import read_model

    assert found.judged is not None  # noqa: S101 - the caller has looked
    chain, files = found.judged.chain, found.judged.files

    def content(kind: str) -> bytes | None:
        return files.get(chain[kind]) if kind in chain else None

    model, gate, approval = content("model"), content("gate"), content("approval")
    if model is None:
        return _of_registry(desk, found.wanted.target.version)
    return Proven(
        version=found.wanted.target.version,
        model=read_model(model, "the evidence of the model"),
        gate=read_gate(gate, "the evidence of the gate") if gate is not None else None,
        approval=read_approval(approval, "the evidence of the approval") if approval is not None else None,
        digests={**chain, **found.kinds},
    )


def _before(desk: Desk, found: Promoted) -> Proven | None:
    """What the stage was at; None for the first, and for one whose evidence cannot be read any more."""
    if found.before is None:
        return None
    try:
        return _of_registry(desk, found.before.version)
    except MlciError as error:
        desk.say("notice", f"what changed since version {found.before.version} cannot be said: {error.cause}")
        return None


def _of_registry(desk: Desk, number: str) -> Proven:
    from mlci.adapters.models.chain import chain_of
    from mlci.errors import FileMissing

    version = desk.registry.numbered(desk.model, number)
    if version is None:
        raise FileMissing(f"the registry has no version {number} of {desk.model} any more")
    chain = chain_of(version, desk.registry)
    gate = chain.gate[1] if chain.gate is not None else None
    return Proven(version=number, model=chain.model[1], gate=gate, digests=chain.digests)


def _compare(environ: Mapping[str, str], before: Proven | None, after: Proven) -> str | None:
    """The page of the commits between two versions, where a forge has one."""
    old = before.model.provenance.commit if before is not None else None
    new = after.model.provenance.commit
    if old is None or new is None or old == new:
        return None
    if on_github(environ):
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        return f"{server.rstrip('/')}/{repository}/compare/{old}...{new}" if server and repository else None
    if on_gitlab(environ):
        project = environ.get("CI_PROJECT_URL", "")
        return f"{project}/-/compare/{old}...{new}" if project else None
    return None
