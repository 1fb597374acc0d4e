"""Whether a version may go to a stage: chain and files verified, the verdict judged again, people counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.invocation import today
from mlci.cli.origin import merged
from mlci.cli.releasing import Desk
from mlci.cli.training import folder_of
from mlci.domain import card
from mlci.domain.release.promotion import APPROVAL, Asked, Facts, asked_of, requirements
from mlci.domain.report import Section
from mlci.domain.verdict import Verdict
from mlci.errors import ArtifactRefused, FileMissing

if TYPE_CHECKING:
    from mlci.adapters.models.chain import Chain
    from mlci.cli.judging_again import Again
    from mlci.domain.release.evidence import ApprovalPredicate
    from mlci.domain.release.ledger import Standing
    from mlci.ports import Version
    from mlci.steps.promoting.promote import Judged

# As cosign and actions/attest call what they leave beside a file.
_SIGNATURES = (".sigstore.json", ".sig")


def judged(desk: Desk, stage: str, version: Version, compared: str, at: Standing | None) -> Judged:
    """Everything that the stage asks of the version, and the evidence that says so.

    Args:
        desk: this run.
        stage: the version is to go to.
        version: of the registry.
        compared: the stage whose version it is compared with.
        at: where that stage stands by the ledger; None where nothing was decided about it.

    Raises:
        ChainBroken: the chain of evidence does not hold, or the files are others.
        CannotTell: whether somebody's approval counts cannot be told.
        MlciError: the registry or the forge does not answer.
    """
    from mlci.adapters.models.chain import chain_of, verify_files
    from mlci.cli.judging_again import judged_again
    from mlci.steps.promoting.promote import Judged

    chain = chain_of(version, desk.registry)
    verify_files(chain, desk.registry)
    desk.prepare(stage, version)
    asked, files = _asked(desk, stage), dict(chain.files)
    digests = chain.digests
    again = judged_again(chain, desk.registry, _against(desk, version, compared, at), desk.config, today())
    facts = Facts(
        model=chain.model[1],
        verdict=again.verdict,
        reason=f"{again.reason} ({again.how})" if again.how else again.reason,
        measured=again.measured,
        data=chain.data[1] if chain.data is not None else None,
    )
    if asked.merged:
        is_merged, unmerged = merged(desk, chain.model[1])
        facts = replace(facts, merged=is_merged, unmerged=unmerged)
    if asked.signed:
        signatures, unsigned = _signed(desk, chain)
        facts = replace(facts, unsigned=unsigned)
        files |= {_sha(content): content for content in signatures.values()}
        digests |= {kind: _sha(content) for kind, content in signatures.items()}
    if chain.gate is not None and (APPROVAL in asked.kinds or again.verdict is Verdict.INCONCLUSIVE):
        approval, content = _people(desk, stage, chain, again)
        facts = replace(facts, approval=approval)
        files[_sha(content)] = content
        digests["approval"] = _sha(content)
    return Judged(
        chain=digests,
        files=files,
        verdict=again.verdict,
        requirements=requirements(asked, facts),
        sections=tuple(_sections(facts, again)),
    )


def _asked(desk: Desk, stage: str) -> Asked:
    promote = desk.config.promote
    return asked_of(
        stage, promote.stages, promote.require, promote.relax, desk.config.validation.on_inconclusive.promote,
        merged=desk.forge is not None, signed=bool(promote.signers),
    )  # fmt: skip


def _against(desk: Desk, version: Version, compared: str, at: Standing | None) -> Version | None:
    """What it is compared with: what the ledger says the stage is at, else its alias; None where that is the same."""
    registry = desk.registry
    if at is not None:
        found = registry.numbered(desk.model, at.at.version)
    else:
        found = registry.aliased(desk.model, compared) if registry.has_aliases else None
    return None if found is None or found.number == version.number else found


def _people(desk: Desk, stage: str, chain: Chain, again: Again) -> tuple[ApprovalPredicate, bytes]:
    """Who agreed, by the word of the forge or of git."""
    from mlci.cli import approvals
    from mlci.steps.approve import Case

    assert chain.gate is not None  # noqa: S101 - without one nobody is asked
    content, gate = chain.gate
    verdict = again.verdict if again.verdict is not None else Verdict.INCONCLUSIVE
    case = Case(
        gate=gate,
        digest=_sha(content),
        verdict=verdict,
        waived=tuple(finding.id for finding in again.findings if finding.waived is not None),
        model=chain.model[1],
    )
    # What a change trained was trained from a commit that no branch has; the gate says on which it was judged then.
    made = chain.model[1].provenance.commit
    commit = chain.version.tags.get(card.GATE_COMMIT) or made
    version = approvals.Version(
        case=case, model=_sha(chain.model[0]), commit=commit, stage=stage, made=made,
        named=desk.own["version"] is not None,
    )  # fmt: skip
    return approvals.approval_of(
        version, config=desk.config, file=desk.own["config"], forge=desk.forge, ledger=desk.ledger,
        environ=desk.environ,
    )  # fmt: skip


def _signed(desk: Desk, chain: Chain) -> tuple[dict[str, bytes], str | None]:
    """The signatures that count, under the kinds that the ledger keeps them by, and what is not signed."""
    from mlci.adapters.evidence.signed import read_keys, signed_by
    from mlci.adapters.models.chain import beside
    from mlci.domain.release.links import SIGNATURE

    folder = folder_of(desk.own["config"])
    keys = read_keys([str(folder / name) for name in desk.config.promote.signers])
    found, unsigned = {}, []
    pieces = {"model": chain.model[0], **({"gate": chain.gate[0]} if chain.gate is not None else {})}
    for kind, content in pieces.items():
        names = [f"{kind}.json{ending}" for ending in _SIGNATURES]
        there = [*beside(chain.version, desk.registry, names), *_here(folder / ".mlci" / "evidence", names)]
        by = next((each for each in there if signed_by(content, (each,), keys).by is not None), None)
        if by is None:
            unsigned.append(f"the evidence of the {kind} ({signed_by(content, there, keys).why})")
        else:
            found[f"{kind}{SIGNATURE}"] = by
    return found, f"not signed: {', '.join(unsigned)}" if unsigned else None


def _here(folder: Path, names: list[str]) -> Iterator[bytes]:
    from mlci.adapters.disk.folders import read_file
    from mlci.adapters.evidence.signed import LARGEST_SIGNED

    for name in names:
        try:
            yield read_file(str(folder / name), LARGEST_SIGNED)
        except (FileMissing, ArtifactRefused):
            continue


def _sections(facts: Facts, again: Again) -> Iterator[Section]:
    approval = facts.approval
    if approval is not None and approval.approvers:
        rows = tuple((each.login, str(each.id or ""), each.where, each.at or each.seen) for each in approval.approvers)
        yield Section(
            id="people", title="Who agreed", columns=("login", "account", "where", "when"), rows=rows, folded=False
        )
    compared = [each for each in again.findings if each.rule == "compare" and each.slice is None]
    if compared:
        sentences = tuple(each.message for each in compared)
        yield Section(id="judged", title="What was judged again", sentences=sentences)


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
