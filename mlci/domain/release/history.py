"""Looking back at a ledger: what a stage was at and when, and what its decisions come to as figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from statistics import median
from typing import Literal

from mlci.domain.figures import significant
from mlci.domain.release.ledger import Decision, Entry, Receipt
from mlci.domain.release.people import Approver

SCHEMA = "mlci.history/1"
_WEEK = 7 * 86_400.0
# Over a shorter span a rate says how busy one day was.
_SHORTEST = _WEEK

Unit = Literal["per week", "share", "seconds", "price"]


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A decision as somebody looks back at it.

    Attributes:
        number: of its entry.
        at: when it was decided, in UTC.
        entry: sha256 of the bytes of its entry.
        decision: what was decided.
        receipt: what came of it; None while it is open.
        seen: when the receipt was written; None while there is none.
    """

    number: int
    at: str
    entry: str
    decision: Decision
    receipt: Receipt | None = None
    seen: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether what serves was seen to have followed."""
        return self.receipt is not None and self.receipt.outcome == "done"


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What a decision stands on, as far as the ledger has it.

    Attributes:
        approvers: who agreed, where there is evidence of that.
        asked: whether there is such evidence at all.
        missing: kinds of evidence that the decision names and the ledger has no more.
        committed: when the code was committed that the model is from, in UTC; None where git does not know it.
        seconds: that training took.
        price: of an hour of it, in the currency of whoever said so.
    """

    approvers: tuple[Approver, ...] = ()
    asked: bool = False
    missing: tuple[str, ...] = ()
    committed: str | None = None
    seconds: float | None = None
    price: float | None = None

    @property
    def approved(self) -> str | None:
        """When the last of those who agreed did, by the forge's clock where it says; None where nobody was asked."""
        return max((each.at or each.seen for each in self.approvers), default=None)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of delivery; one that cannot be known is not there."""

    name: str = field(metadata={"help": "Such as lead-time."})
    title: str = field(metadata={"help": "The same in words."})
    value: float = field(metadata={"help": "In its unit."})
    unit: Unit = field(metadata={"help": "per week, share, seconds, or price in the currency of price_per_hour."})
    n: int = field(metadata={"help": "How many decisions it is made from."})
    means: str = field(metadata={"help": "How it is counted, as a sentence."})


def decisions(entries: Iterable[tuple[Entry, str]]) -> list[Decided]:
    """Every decision with what came of it, oldest first.

    Args:
        entries: each with the sha256 of its bytes, oldest first.
    """
    found: dict[int, Decided] = {}
    for entry, digest in entries:
        if entry.decision is not None:
            found[entry.number] = Decided(number=entry.number, at=entry.at, entry=digest, decision=entry.decision)
        elif entry.receipt is not None and (of := found.get(entry.receipt.of)) is not None:
            found[of.number] = Decided(
                number=of.number, at=of.at, entry=of.entry, decision=of.decision, receipt=entry.receipt, seen=entry.at
            )
    return list(found.values())


def standing_between(decided: Sequence[Decided], stage: str, first: str, last: str) -> list[Decided]:
    """The decisions about a stage that held at some time of a span, oldest first; none where nothing did yet.

    A decision holds from when the ledger has it until the next one about the same stage.

    Args:
        decided: of all stages, oldest first.
        stage: which one.
        first: beginning of the span, as 2026-12-31T00:00:00Z.
        last: its end, which belongs to it.
    """
    mine = [each for each in decided if each.decision.stage == stage and each.at <= last]
    before = [each for each in mine if each.at <= first]
    return [*before[-1:], *(each for each in mine if each.at > first)]


def stages(decided: Iterable[Decided]) -> list[str]:
    """The stages that anything was decided about, the one decided about first before the others."""
    return list(dict.fromkeys(each.decision.stage for each in decided))


def rolled_back(decided: Iterable[Decided]) -> Iterator[tuple[Decided, Decided]]:
    """Each promotion that a rollback ended, with that rollback; of one stage, oldest first.

    A promotion that ends with a promotion of an older version was replaced, as far as the ledger knows.
    """
    now: Decided | None = None
    for each in decided:
        if each.decision.action == "rollback" and now is not None and now.decision.action == "promote":
            yield now, each
        now = each


def figures(decided: Sequence[Decided], grounds: Mapping[int, Grounds], now: str) -> list[Figure]:
    """What the decisions about one stage come to.

    Args:
        decided: about that stage, oldest first.
        grounds: what they stand on, by number.
        now: the time in UTC.
    """
    promoted = [each for each in decided if each.decision.action == "promote"]
    settled = [each for each in promoted if each.receipt is not None]
    done = [each for each in promoted if each.is_done]
    back = list(rolled_back(decided))
    return [
        *_frequency(done, decided, now),
        *_lead_times(done, grounds),
        *_share_back(settled, {each.number for each, _ in back}),
        *_restoring(back),
        *_costs(done, grounds),
    ]


def _frequency(done: Sequence[Decided], decided: Sequence[Decided], now: str) -> Iterator[Figure]:
    span = between(decided[0].at, now) if decided else 0.0
    if span >= _SHORTEST:
        yield Figure(
            name="deployment-frequency", title="Deployment frequency", value=significant(len(done) / (span / _WEEK)),
            unit="per week", n=len(done),
            means="Promotions that were seen to be served, per week since the first decision about the stage.",
        )  # fmt: skip


def _lead_times(done: Sequence[Decided], grounds: Mapping[int, Grounds]) -> Iterator[Figure]:
    from_commit = _spans((grounds[each.number].committed, each.seen) for each in done if each.number in grounds)
    if from_commit:
        yield Figure(
            name="lead-time", title="Lead time, from the commit", value=median(from_commit), unit="seconds",
            n=len(from_commit),
            means="Median time from the commit that the model was trained from, by the committer's clock, until the "
            "promotion was seen to be served; only models whose commit this clone has.",
        )  # fmt: skip
    from_approval = _spans((grounds[each.number].approved, each.seen) for each in done if each.number in grounds)
    if from_approval:
        yield Figure(
            name="lead-time-from-approval", title="Lead time, from the last approval", value=median(from_approval),
            unit="seconds", n=len(from_approval),
            means="Median time from the last approval that counted until the promotion was seen to be served.",
        )  # fmt: skip


def _share_back(settled: Sequence[Decided], back: set[int]) -> Iterator[Figure]:
    if settled:
        failed = sum(each.number in back or not each.is_done for each in settled)
        yield Figure(
            name="share-rolled-back", title="Share rolled back", value=significant(failed / len(settled)), unit="share",
            n=len(settled),
            means="Promotions that a rollback ended, or that were never seen to be served, of all with a receipt.",
        )  # fmt: skip


def _restoring(back: Sequence[tuple[Decided, Decided]]) -> Iterator[Figure]:
    over = [(bad, rollback) for bad, rollback in back if rollback.is_done]
    restoring = _spans((rollback.at, rollback.seen) for _, rollback in over)
    if restoring:
        yield Figure(
            name="time-to-restore", title="Time to restore", value=median(restoring), unit="seconds", n=len(restoring),
            means="Median time from the decision to roll back until the version before was seen to be served; when "
            "the failure began the ledger does not know.",
        )  # fmt: skip
    exposed = _spans((bad.at, rollback.seen) for bad, rollback in over)
    if exposed:
        yield Figure(
            name="time-exposed", title="Time exposed", value=median(exposed), unit="seconds", n=len(exposed),
            means="Median time from the promotion that was rolled back until the version before was seen to be served: "
            "no failure lasted longer.",
        )  # fmt: skip


def _costs(done: Sequence[Decided], grounds: Mapping[int, Grounds]) -> Iterator[Figure]:
    # A model that was promoted again was paid for once.
    of_model = {each.decision.target.artifact: grounds[each.number] for each in done if each.number in grounds}
    seconds = [one.seconds for one in of_model.values() if one.seconds is not None]
    if seconds:
        yield Figure(
            name="training-time", title="Training time per promoted model", value=median(seconds), unit="seconds",
            n=len(seconds), means="Median wall-clock time of the training that made the model; not of those that "
            "were never promoted.",
        )  # fmt: skip
    priced = [
        one.seconds / 3600 * one.price for one in of_model.values() if one.seconds is not None and one.price is not None
    ]
    if priced:
        yield Figure(
            name="cost-per-model", title="Cost per promoted model", value=significant(median(priced)), unit="price",
            n=len(priced), means="Median of training time times validation.price_per_hour of the policy that judged "
            "it, in the currency of that price; not of models that were never promoted.",
        )  # fmt: skip


def _spans(times: Iterable[tuple[str | None, str | None]]) -> list[float]:
    """Seconds between two times; clocks of two machines may disagree, and no lead is negative."""
    return [max(0.0, between(first, last)) for first, last in times if first is not None and last is not None]


def between(first: str, last: str) -> float:
    """Seconds from one time in UTC to another.

    >>> between("2026-12-31T23:59:00Z", "2027-01-01T00:00:00Z")
    60.0
    """
    return (_parsed(last) - _parsed(first)).total_seconds()


def _parsed(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
