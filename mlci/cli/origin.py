"""Where a version comes from: whether the default branch has what it is made from, and which one is this commit's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlci.domain import card
from mlci.domain.inputs import NOTHING
from mlci.errors import FileMissing, MlciError, Place, PromotionRefused

if TYPE_CHECKING:
    from mlci.cli.releasing import Desk
    from mlci.domain.release.people import Proposal
    from mlci.domain.training import Inputs, ModelPredicate
    from mlci.ports import Version


def version_of(desk: Desk) -> Version:
    """The version that was named; left out, the newest one of this commit.

    Raises:
        FileMissing: the registry has no version of that number.
        PromotionRefused: it has none of this commit.
    """
    registry, model, named = desk.registry, desk.model, desk.own["version"]
    if named is not None:
        found = registry.numbered(model, named)
        if found is None:
            raise FileMissing(
                f"the registry has no version {named[:60]!a} of {model}", place=Place(registry.address),
                help="leave --version out for the one of this commit; mlci history says which were promoted",
            )  # fmt: skip
        return found
    for tag, value in _tags(desk):
        versions = registry.tagged(model, tag, value)
        if versions:
            return versions[-1]
    raise PromotionRefused(
        f"no version of {model} is made from this commit, or from the inputs that it has",
        place=Place(registry.address),
        help="mlci run registers one on your machine, model-ci in a pipeline; or name a --version",
    )


def _tags(desk: Desk) -> Iterator[tuple[str, str]]:
    """What the version of this commit is tagged with: its inputs, the commit, the head of the change merged as it."""
    # Data need not lie where nothing is trained.
    with suppress(FileMissing):
        yield card.INPUTS, _inputs_here(desk, whole=True).key
    if desk.forge is not None:
        yield card.COMMIT, desk.forge.run.commit
        for proposal in _proposals(desk, desk.forge.run.commit):
            yield card.COMMIT, proposal.head


def _proposals(desk: Desk, commit: str) -> Sequence[Proposal]:
    people = desk.forge.people if desk.forge is not None else None
    return people.proposals_of(commit) if people is not None else ()


def merged(desk: Desk, model: ModelPredicate) -> tuple[str | None, str]:
    """Why a version is made from what the default branch has, else None and why it is not.

    A merge may change the commit and leaves what training reads as it is; so beside the commit the change that it was
    the head of counts, and the key of the inputs.
    """
    forge, commit = desk.forge, model.provenance.commit
    if forge is None:
        return "there is no forge here", ""
    doubts = []
    if commit is not None and not model.provenance.dirty:
        try:
            tip = forge.commits.tip(forge.run.default_branch)
            added = forge.commits.changed_files(tip, commit)
            if added.complete and added.why is None and not added.paths:
                return f"the branch {forge.run.default_branch} has its commit {commit[:12]}", ""
            for proposal in _proposals(desk, commit):
                if proposal.merged and proposal.head == commit and proposal.base_branch == forge.run.default_branch:
                    return f"its commit {commit[:12]} is the head of change {proposal.number}, which was merged", ""
        except MlciError as error:
            doubts.append(error.cause)
    try:
        here = _inputs_here(desk)
    except MlciError as error:
        doubts.append(error.cause)
    else:
        same = here.differing(model.inputs)
        if not same or (here.data == NOTHING and same == ("data",)):
            return f"its inputs are those of commit {forge.run.commit[:12]}", ""
    said = f"its commit {commit[:12]} is not" if commit is not None else "nobody knows its commit, which is not seen"
    told = f" ({'; '.join(doubts)})" if doubts else ""
    return None, f"{said} on the branch {forge.run.default_branch}, nor are its inputs those of this commit{told}"


def _inputs_here(desk: Desk, *, whole: bool = False) -> Inputs:
    """What training would read here; without the data, where that is not on this runner and need not be known."""
    from mlci.adapters.git.repository import Repository
    from mlci.cli.training import inputs_of

    order = desk.order
    repository = Repository.find(str(order.folder), desk.environ)
    try:
        return inputs_of(order, repository)[0]
    except FileMissing:
        if whole:
            raise
        config = order.config
        data = replace(config.data, train=replace(config.data.train, path=None))
        return inputs_of(replace(order, config=replace(config, data=data)), repository)[0]
