"""What model-ci asks of data before it trains on them: evidence that exactly these bytes passed, by the policy now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.data_contract import ROLES, Contracts, contracts_of
from mlci.config.checking import is_checked, judging_digest
from mlci.config.quote import one_line
from mlci.domain.dataset.links import not_passed
from mlci.domain.verdict import Verdict
from mlci.errors import ArtifactRefused, DataAltered, DataFailed, DataUnchecked, MlciError, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlci.cli.forge import Forge
    from mlci.cli.invocation import Invocation
    from mlci.cli.policy import Decided
    from mlci.cli.training import Order
    from mlci.config.model import Config
    from mlci.domain.dataset.evidence import Checked, DataPredicate

_NAMES = {"train": "the training data", "holdout": "the holdout"}
_UNCHECKED = {"train": "were not checked", "holdout": "was not checked with them"}
_OTHERS = {"train": "are not those that were checked", "holdout": "is not the one that was checked"}


@dataclass(frozen=True)
class Passed:
    """Evidence that the data which are about to be read passed their check.

    Attributes:
        evidence: its bytes.
        digests: sha256 of each dataset that is a file or folder, by its path on this machine.
        cache: of digests; None to read everything anew.
    """

    evidence: bytes
    digests: Mapping[str, str]
    cache: str | None

    def require_same(self) -> None:
        """See that the data are still those that were checked: right before anything reads them.

        Raises:
            DataAltered: they are others.
            FileMissing: they are gone.
        """
        from mlci.adapters.disk.content import digest_of

        for place, digest in self.digests.items():
            if digest_of(place, self.cache) != digest:
                raise DataAltered(
                    f"{one_line(place)} changed since it was checked, before training could read it",
                    place=Place(one_line(place)),
                    help="let nothing write to it meanwhile, and run mlci data-check again",
                )


def passed(
    invocation: Invocation,
    decided: Decided,
    forge: Forge | None,
    order: Order,
    digests: Mapping[str, str],
    say: Callable[[str], None],
) -> Passed | None:
    """The evidence of the data, where there is any that counts; None where none is asked for and none is there.

    Args:
        invocation: of model-ci.
        decided: the policy that holds.
        forge: where the run is; None on a developer's machine.
        order: what is to be trained.
        digests: sha256 of the training data, where they are a file or folder, and of the holdout, by role.
        say: is told of evidence that is there and does not count, where none is asked for.

    Raises:
        DataUnchecked: it is asked for and not there, or was inconclusive.
        DataFailed: the data did not pass.
        DataAltered: it is of other data, or they were judged by another policy.
        ArtifactRefused: it cannot be used.
    """
    config, place = order.config, invocation.own["data_evidence"]
    required = is_checked(config)
    # Without a link on the way a change could not turn it to another job's file.
    if not required and not Path(place).exists():
        return None
    try:
        contracts = contracts_of(invocation, decided, forge)
        content, predicate = _read(place)
        for error in _wrong(predicate, config, contracts, digests):
            raise error
    except (DataUnchecked, DataFailed, DataAltered, ArtifactRefused) as error:
        if required:
            raise
        say(f"the data evidence is not counted: {error.cause}")
        return None
    named = {"train": config.data.train.path, "holdout": config.data.holdout.path}
    places = {str(order.folder / path): digests[role] for role in ROLES if (path := named[role]) and role in digests}
    cache = str(order.state / "cache" / "digests.sqlite") if order.at_hand else None
    return Passed(content, places, cache)


def _read(place: str) -> tuple[bytes, DataPredicate]:
    from mlci.adapters.disk.folders import read_file
    from mlci.adapters.evidence.data import LARGEST, read_data

    if not Path(place).is_symlink() and not Path(place).exists():
        raise DataUnchecked(
            "nothing says that the training data were checked",
            place=Place(one_line(place)),
            help="run mlci data-check first; in a pipeline hand its evidence on to this job. data.required: false "
            "trains without",
        )
    content = read_file(place, LARGEST)
    return content, read_data(content, one_line(place))


def _wrong(
    found: DataPredicate, config: Config, contracts: Contracts, digests: Mapping[str, str]
) -> Iterator[MlciError]:
    """Every reason why evidence does not let training begin, the gravest first."""
    again = "run mlci data-check again, on these data and by this configuration"
    if found.model is not None and found.model != config.model:
        yield DataAltered("the data evidence is of another model's data", help=again)
    for role in ROLES:
        checked = found.of(role)
        if role in digests and (checked is None or checked.identity.digest != digests[role]):
            what = _UNCHECKED[role] if checked is None else _OTHERS[role]
            yield DataAltered(f"{_NAMES[role]} {what}", help=again)
        elif checked is not None:
            yield from _wrong_contract(checked, contracts, again)
    train = found.of("train")
    if "train" not in digests and train is not None and train.identity.query != _query(config):
        yield DataAltered("the training data are of another query than was checked", help=again)
    if found.policy != judging_digest(config):
        yield DataAltered("the data were checked by other settings of data: than hold now", help=again)
    if found.verdict is Verdict.FAIL:
        yield DataFailed(f"the data did not pass: {found.reason}", help="mend the data, or what made them")
    why = not_passed(found)
    if why is not None:
        yield DataUnchecked(f"whether the data pass is not known: {found.reason}", help="read the report of data-check")


def _wrong_contract(checked: Checked, contracts: Contracts, again: str) -> Iterator[MlciError]:
    contract = contracts.deciding.get(checked.role)
    if checked.contract != (contract.digest if contract is not None else None):
        yield DataAltered(f"{_NAMES[checked.role]} had to meet another contract than holds now", help=again)
    elif contract is not None and {rule.id for rule in contract.rules} - {rule.rule for rule in checked.rules}:
        yield DataAltered("the data evidence leaves out rules of the contract that it names", help=again)


def _query(config: Config) -> str | None:
    import hashlib

    query = config.data.train.query
    return hashlib.sha256(query.encode()).hexdigest() if query is not None else None
