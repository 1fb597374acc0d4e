"""``mlci history``: what a stage was at, who approved it and on what evidence; and the figures of delivery."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlci.adapters.evidence.gate import read_gate
from mlci.adapters.evidence.ledger import digest_of, is_time, read_approval, read_entry
from mlci.adapters.evidence.model import read_model
from mlci.cli.forge import forge_of
from mlci.cli.ledger import ledger_of
from mlci.cli.shown import show
from mlci.config.quote import quote
from mlci.domain.release import telling
from mlci.domain.release.history import Decided, Grounds, decisions, figures, stages, standing_between
from mlci.domain.release.ledger import Entry, breaks
from mlci.errors import ArtifactRefused, ChainBroken, Exit, Place, UsageError

if TYPE_CHECKING:
    from mlci.adapters.git.repository import Repository
    from mlci.cli.invocation import Invocation
    from mlci.domain.report import Section
    from mlci.ports import Ledger

# Decisions whose evidence is read at once.
_PORTION = 500
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def run(invocation: Invocation) -> Exit:
    """Read and print. A ledger that does not hold together is read as far as it goes, and never ends green."""
    own = invocation.own
    span = _span(own["on"])
    ledger = ledger_of(forge_of(invocation.environ), invocation.environ, own["config"])
    model = model_of(invocation, ledger)
    book = Book(ledger, model, _repository(invocation))
    decided = [each for each in book.decisions() if own["stage"] in (None, each.decision.stage)]
    if not decided:
        about = f" about {own['stage']}" if own["stage"] is not None else ""
        click.echo(f"nothing was decided{about} of {model}: the ledger in {ledger.place} has no such entry", err=True)
        return Exit.INTEGRITY if book.broken else Exit.UNDECIDED
    told = _told(invocation, book, decided, span)
    if isinstance(told, str):
        click.echo(told)
    else:
        show(told, own["format"])
    for sentence in book.broken[:3]:
        click.echo(f"the ledger does not hold together: {sentence}; see mlci verify", err=True)
    return Exit.INTEGRITY if book.broken else Exit.PASS


def model_of(invocation: Invocation, ledger: Ledger) -> str:
    """Whose ledger is read: as was said, else the configuration's, else the only one there is.

    Raises:
        UsageError: nobody says, and there are several or none.
    """
    named: str | None = invocation.own["model"] or invocation.resolved.config.model
    if named is not None:
        return named
    known = ledger.models()
    if len(known) != 1:
        there = f"there are {len(known)}" if known else "it has none"
        raise UsageError(f"whose ledger is to be read is not said, and {there}", help="give --model, or set model:")
    return known[0]


class Book:
    """A ledger as it is read back.

    Attributes:
        broken: where its chain does not hold, a sentence each; known once the entries were read.
        head: sha256 of the newest entry; None where there is none.
    """

    broken: list[str]
    head: str | None

    def __init__(self, ledger: Ledger, model: str, repository: Repository | None) -> None:
        """Read the ledger of a model; a repository is asked for the times of commits."""
        self.ledger, self.model, self.repository = ledger, model, repository
        self.broken, self.head = [], None

    def decisions(self) -> list[Decided]:
        """Every decision, oldest first, the chain checked on the way."""
        entries = list(self._entries())
        self.broken = list(breaks(entries, self.model))
        self.head = entries[-1][1] if entries else None
        return decisions(entries)

    def _entries(self) -> Iterator[tuple[Entry, str]]:
        for number, content in self.ledger.entries(self.model):
            yield read_entry(content, f"{self.model}/{number:06}.json"), digest_of(content)

    def grounds(self, decided: Sequence[Decided], *, costs: bool) -> dict[int, Grounds]:
        """What decisions stand on, by number; training and its price only where costs are asked for."""
        found: dict[int, tuple[Grounds, str | None]] = {}
        for start in range(0, len(decided), _PORTION):
            portion = decided[start : start + _PORTION]
            named = [_wanted(each.decision.evidence, costs) for each in portion]
            digests = dict.fromkeys(digest for each in named for digest in each.values())
            ahead = dict(self.ledger.several(self.model, [*digests]))
            found |= {each.number: self._grounds(of, ahead) for each, of in zip(portion, named, strict=True)}
        if self.repository is None:
            return {number: grounds for number, (grounds, _) in found.items()}
        times = self.repository.committed_at({commit for _, commit in found.values() if commit is not None})
        return {
            number: replace(grounds, committed=_time(times[commit])) if commit in times else grounds
            for number, (grounds, commit) in found.items()
        }

    def _grounds(self, named: Mapping[str, str], ahead: Mapping[str, bytes]) -> tuple[Grounds, str | None]:
        """What one decision stands on, and the commit that the model is from.

        Args:
            named: sha256 of what is wanted, by kind.
            ahead: evidence that was read already; what is not in it is asked for by itself.
        """
        there = {kind: ahead.get(digest) or self.ledger.file(self.model, digest) for kind, digest in named.items()}
        have = {kind: content for kind, content in there.items() if content is not None}
        seconds, commit, price = None, None, None
        agreed = read_approval(have["approval"], f"{named['approval']}.json") if "approval" in have else None
        if "model" in have:
            model = read_model(have["model"], f"{named['model']}.json")
            seconds, commit = model.training.seconds, model.provenance.commit
        if "gate" in have:
            price = _number(read_gate(have["gate"], f"{named['gate']}.json").policy.get("price_per_hour"))
        grounds = Grounds(
            approvers=agreed.approvers if agreed is not None else (),
            asked=agreed is not None,
            missing=tuple(kind for kind in named if kind not in have),
            seconds=seconds,
            price=price,
        )
        return grounds, commit


def _wanted(evidence: Mapping[str, str], costs: bool) -> dict[str, str]:
    """The digests of what is read of a decision, by kind."""
    wanted = ("approval", "model", "gate") if costs else ("approval",)
    return {kind: evidence[kind] for kind in wanted if kind in evidence}


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None


def _told(
    invocation: Invocation, book: Book, decided: list[Decided], span: tuple[str, str] | None
) -> list[Section] | str:
    """What is printed: JSON as text, else sections."""
    own, every = invocation.own, {}
    for stage in stages(decided):
        mine = [each for each in decided if each.decision.stage == stage]
        every[stage] = (mine, mine if span is None else standing_between(mine, stage, *span))
    wanted = [each for _, held in every.values() for each in held]
    is_counted = invocation.wants("figures")
    try:
        grounds = book.grounds([each for mine, _ in every.values() for each in mine] if is_counted else wanted,
                               costs=is_counted)  # fmt: skip
    except ArtifactRefused as refused:
        raise ChainBroken(
            refused.cause, place=refused.place, help="mlci verify says what else does not hold"
        ) from refused
    counted = {stage: figures(mine, grounds, _now()) for stage, (mine, _) in every.items()} if is_counted else None
    if own["format"] == "json":
        ordered = sorted(wanted, key=lambda each: each.number)
        told = telling.as_json(book.model, book.ledger.place, book.head, ordered, grounds, counted)
        return json.dumps(told, indent=2)
    if counted is not None:
        return [telling.of_figures(stage, found) for stage, found in counted.items()]
    return [
        telling.table(stage, held, grounds, () if own["on"] is None else telling.asked(stage, own["on"], held, grounds))
        for stage, (_, held) in every.items()
    ]


def _span(on: str | None) -> tuple[str, str] | None:
    """The first and the last second that were asked about; None for all times.

    Raises:
        UsageError: it is neither a day nor a time.
    """
    if on is None:
        return None
    if is_time(on):
        return on, on
    first, last = f"{on}T00:00:00Z", f"{on}T23:59:59Z"
    if _DAY.fullmatch(on) and is_time(first):
        return first, last
    raise UsageError(
        f"--on must be a day or a time in UTC, got {quote(on)}",
        place=Place("--on"),
        help="write 2026-12-31, or 2026-12-31T12:00:00Z",
    )


def _now() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _repository(invocation: Invocation) -> Repository | None:
    """This clone, where figures are asked for."""
    if not invocation.wants("figures"):
        return None
    from mlci.adapters.git.repository import Repository

    return Repository.find(str(Path(invocation.own["config"]).absolute().parent), invocation.environ)
