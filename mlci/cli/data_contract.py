"""Which contract data are held to: on a change that of the branch to merge to, and beside it the change's own."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlci.adapters.disk.files import unread
from mlci.cli.policy import base_of, in_repository, reading
from mlci.config.quote import one_line
from mlci.domain.inputs import in_repository as from_top
from mlci.domain.ownership import Changed
from mlci.errors import FileMissing, Place, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlci.cli.forge import Forge
    from mlci.cli.invocation import Invocation
    from mlci.cli.policy import Decided
    from mlci.domain.dataset.contract import Contract

_LARGEST = 4 << 20

DataRole = Literal["train", "holdout"]
ROLES: tuple[DataRole, ...] = ("train", "holdout")


@dataclass(frozen=True)
class Contracts:
    """The contracts of both datasets.

    Attributes:
        deciding: what each dataset is held to.
        proposed: what the change would hold it to.
        changed: contracts that the change would set otherwise.
        unmerged: names of contracts that the branch to merge to does not have yet, so that the change's own decide.
    """

    deciding: dict[DataRole, Contract]
    proposed: dict[DataRole, Contract]
    changed: tuple[Changed, ...] = ()
    unmerged: tuple[str, ...] = ()


def contracts_of(invocation: Invocation, decided: Decided, forge: Forge | None) -> Contracts:
    """Read the contracts of the training data and of the holdout.

    A contract is policy: on a change the branch to merge to decides it, name and content. Where that branch has none
    yet, the change's own is better than none.

    Raises:
        FileMissing: a contract that is named is not there, or has more than 4 MiB.
        PolicyUnreadable: the forge did not say what it holds.
        MlciError: it is malformed; its place names file and line.
    """
    file, environ = invocation.own["config"], invocation.environ
    ours, theirs = _named(decided.config), _named(decided.proposed)
    if forge is None or forge.run.on_default_branch:
        found = {role: _placed(_read(_here(file, path), path), path, file, environ) for role, path in ours.items()}
        return Contracts(found, found)
    inside, base = in_repository(file, environ), base_of(forge)
    deciding, proposed = {}, {}
    changed, unmerged = [], []
    for role in ROLES:
        held = _at(forge, inside, ours[role], base) if role in ours else None
        brought = _here(file, theirs[role]) if role in theirs and _is_there(file, theirs[role]) else None
        if brought is not None:
            # What the change would set is judged beside; where it cannot be read, that is said of the change.
            proposed[role] = _placed(_read(brought, theirs[role]), theirs[role], file, environ)
        if held is not None:
            where = f"{ours[role]} at {base[:12]}"
            deciding[role] = _read(held, where)
            if held == brought and ours[role] == theirs.get(role):
                deciding[role] = replace(deciding[role], file=proposed[role].file)
            if held != brought and ours[role] == theirs.get(role, ours[role]):
                said = f"sha256 {proposed[role].digest[:12]}" if role in proposed else None
                changed.append(Changed(f"the contract {ours[role]}", f"sha256 {deciding[role].digest[:12]}", said))
        elif role in proposed:
            deciding[role] = proposed[role]
            unmerged.append(theirs[role])
        elif role in ours:
            raise _missing(file, ours[role])
    return Contracts(deciding, proposed, tuple(dict.fromkeys(changed)), tuple(dict.fromkeys(unmerged)))


def _read(content: bytes, name: str) -> Contract:
    """A contract with the age of its data counted from now."""
    from mlci.config.contract import read_contract
    from mlci.domain.dataset.parameters import at

    return at(read_contract(content, name), datetime.now(timezone.utc))


def _placed(contract: Contract, path: str, file: str, environ: Mapping[str, str]) -> Contract:
    """The same with the file of this checkout that it is, so that a forge can show a finding at its line."""
    try:
        folder = posixpath.dirname(in_repository(file, environ))
    except UsageError:
        return contract
    return replace(contract, file=from_top(path, folder))


def _named(config: object) -> dict[DataRole, str]:
    from mlci.config.model import Config

    assert isinstance(config, Config)  # noqa: S101 - for the type checker, without the import above
    named = {"train": config.data.train.contract, "holdout": config.data.holdout.contract}
    return {role: path for role in ROLES if (path := named[role]) is not None}


def _at(forge: Forge, config: str, path: str, commit: str) -> bytes | None:
    """A contract as the branch to merge to has it; None where it has none of this name."""
    inside = from_top(path, posixpath.dirname(config))
    if inside is None:
        raise UsageError(
            f"the contract {one_line(path)} lies outside the repository, where no commit has it",
            place=Place("data.train.contract"),
            help="keep it in the repository, beside mlci.yml",
        )
    with reading(f"{one_line(path)} at {commit[:12]}"):
        content = forge.commits.file(inside, commit)
    if content is not None and len(content) > _LARGEST:
        raise FileMissing(f"{one_line(path)} at {commit[:12]} has more than 4 MiB", place=Place(one_line(path)))
    return content


def _is_there(file: str, path: str) -> bool:
    return (Path(file).parent / path).is_file()


def _here(file: str, path: str) -> bytes:
    place = Path(file).parent / path
    try:
        with place.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise unread(str(place), error) from error
    if len(content) > _LARGEST:
        raise FileMissing(f"{one_line(str(place))} has more than 4 MiB", place=Place(one_line(str(place))))
    return content


def _missing(file: str, path: str) -> FileMissing:
    place = one_line(str(Path(file).parent / path))
    return FileMissing(
        f"the contract {one_line(path)} is neither here nor on the branch to merge to",
        place=Place(place),
        help="write one, or let mlci data-profile draft it",
    )
