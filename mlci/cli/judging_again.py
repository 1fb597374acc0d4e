"""The verdict on a version, judged again by the policy of the default branch, against what a stage is at now.

Where predictions are kept they are measured again; what they do not tell (looks at the holdout, times, further seeds)
is taken from the gate's evidence, as are all numbers where the predictions are gone. Once the version that it was
compared with is another, only predictions will do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.anchor import anchor_of, settle
from mlci.cli.sides import given, kept_predictions
from mlci.config.policy import gate_policy
from mlci.domain import gate as gates
from mlci.domain.candidate import doubts
from mlci.domain.waiver import held
from mlci.errors import ExtraMissing, FileMissing, MlciError

if TYPE_CHECKING:
    from mlci.adapters.models.chain import Chain
    from mlci.config.model import Config
    from mlci.domain.evidence import GatePredicate, Numbers
    from mlci.domain.finding import Finding
    from mlci.domain.policy import GatePolicy
    from mlci.domain.training import ModelPredicate
    from mlci.domain.verdict import Verdict
    from mlci.ports import Registry, Version
    from mlci.publish import Loudness
    from mlci.steps.gate_compare import Given

# What the predictions of two models do not tell, and the gate's evidence does; the first three only of the very two
# models that it compared.
_OF_THE_TWO = ("health", "anchor", "operations", "functions", "recipe")
_OF_THE_HOLDOUT = ("wear",)


@dataclass(frozen=True, kw_only=True)
class Again:
    """A verdict that was judged again.

    Attributes:
        verdict: by what policy asks of a promotion; None where nothing could be judged.
        reason: of it; without a verdict, why there is none.
        findings: behind it.
        how: what was judged, as a sentence.
        moved: whether the version that it is compared with is another than the gate's.
        measured: whether predictions were measured again, and not numbers of the evidence judged.
    """

    verdict: Verdict | None
    reason: str
    findings: tuple[Finding, ...] = ()
    how: str = ""
    moved: bool = False
    measured: bool = False


def judged_again(chain: Chain, registry: Registry, against: Version | None, config: Config, today: str) -> Again:
    """Judge a version.

    Args:
        chain: its evidence.
        registry: that has both versions.
        against: the version that it is compared with; None where there is none, or it is the version itself.
        config: whose policy holds.
        today: the day in UTC that waivers are held against.

    Raises:
        MlciError: the registry does not answer, or does not hold what it must.
    """
    if chain.gate is None:
        return Again(verdict=None, reason="the gate never judged it, or not where its verdict is recorded")
    _require_numpy()
    gate, model = chain.gate[1], chain.model[1]
    policy = gate_policy(config, baseline_given=gate.baseline is not None or against is not None)
    with tempfile.TemporaryDirectory(prefix="mlci-again-", ignore_cleanup_errors=True) as folder:
        sides = _Sides(chain, registry, against, folder)
        moved = against is not None and not sides.is_the_gates(gate)
        calls = any(rule.call is not None for rule in policy.rules)
        numbers, how = None, ""
        # A version that is production itself by now is judged by what the gate saw it compared with.
        if not calls and (gate.baseline is None or against is not None):
            numbers, how = sides.measured(gate, policy, moved=moved)
        if numbers is None and moved:
            return Again(verdict=None, reason=_no_way(against, calls=calls), moved=True)
        measured = numbers is not None
        if numbers is None:
            numbers, how = gate.numbers, "from the numbers in the gate's evidence"
        again = replace(_verdict(numbers, policy, model, today, how, moved=moved), measured=measured)
        return again if moved else _no_better(again, gate)


def _verdict(
    numbers: Numbers, policy: GatePolicy, model: ModelPredicate, today: str, how: str, *, moved: bool
) -> Again:
    from mlci.steps.judging import judge

    notes = tuple(doubts(model, None, ()))
    findings = (*held(judge(numbers, policy).findings, policy.waivers, today), *notes)
    verdict, reason = gates.compose(findings, policy.on_inconclusive_promote)
    return Again(verdict=verdict, reason=reason, findings=findings, how=how, moved=moved)


def _no_better(again: Again, gate: GatePredicate) -> Again:
    """What the gate knew besides the numbers, only its own word tells, which is believed where it is worse."""
    if again.verdict is None or gate.verdict.rank <= again.verdict.rank:
        return again
    reason = f"the gate itself said {gate.verdict.value}, and only it can say otherwise: let it judge again"
    return replace(again, verdict=gate.verdict, reason=reason)


def _no_way(against: Version | None, *, calls: bool) -> str:
    number = against.number if against is not None else ""
    why = "policy asks for values of functions of yours" if calls else "their predictions on one holdout are not kept"
    return (
        f"it was gated against another version than {number}, which it is compared with now, and {why}: let model-ci "
        "and gate-compare run again on the default branch"
    )


class _Sides:
    """The two versions with their predictions, fetched where they are asked for."""

    def __init__(self, chain: Chain, registry: Registry, against: Version | None, folder: str) -> None:
        self._chain, self._registry, self._against, self._folder = chain, registry, against, folder
        self._model = chain.model[1]
        self._baseline = self._given(against, "baseline") if against is not None else None

    def is_the_gates(self, gate: GatePredicate) -> bool:
        """Whether the version that the gate compared with is the one that is compared with now."""
        if gate.baseline is None or self._against is None:
            return False
        if self._baseline is not None:
            return self._baseline.subject.digest == gate.baseline.digest
        return gate.baseline.name == f"{self._against.model} version {self._against.number}"

    def measured(self, gate: GatePredicate, policy: GatePolicy, *, moved: bool) -> tuple[Numbers | None, str]:
        """Numbers measured from predictions, with what these do not tell; None where some are not kept."""
        from mlci.steps.anchoring import with_anchor
        from mlci.steps.beside import Beside
        from mlci.steps.gate_compare import measure

        candidate = self._given(self._chain.version, "candidate")
        if candidate is None or (self._against is not None and self._baseline is None):
            return None, ""
        try:
            found = measure(candidate, self._baseline, policy).numbers
            if moved:
                found = with_anchor(found, candidate, self._baseline, policy, Beside(anchor=self._anchor()), measure)
        except MlciError as error:
            if not moved:
                return None, ""
            raise error
        names = _OF_THE_HOLDOUT if moved else (*_OF_THE_HOLDOUT, *_OF_THE_TWO)
        told = {name: getattr(gate, name) for name in names}
        return replace(found, **told), "from the predictions that the registry keeps"

    def _anchor(self) -> Given | None:
        assert self._against is not None  # noqa: S101 - only then has anything moved
        if not self._registry.has_aliases:
            return None
        version = anchor_of(self._registry, self._against)
        return self._given(version, "anchor") if version is not None else None

    def _given(self, version: Version | None, name: str) -> Given | None:
        if version is None:
            return None
        folder = Path(self._folder, name)
        folder.mkdir(exist_ok=True)
        try:
            if self._are_gone(version, str(folder)):
                return None
            path, _ = kept_predictions(self._registry, version, self._model, str(folder))
        except FileMissing:
            return None
        return given(path, f"{version.model} version {version.number}")

    def _are_gone(self, version: Version, folder: str) -> bool:
        """Whether the predictions that a version was registered with are wanted, and somebody cleared them away."""
        from mlci.adapters.models.handover import candidate_name
        from mlci.adapters.models.scored import ScoredVersion

        evidence = ScoredVersion(self._registry, version, lambda _: None).evidence(folder)
        if evidence is None:
            return False
        own, asked = evidence[1].predictions, self._model.predictions
        if (own.holdout.digest, own.evaluator) != (asked.holdout.digest, asked.evaluator):
            return False
        return not self._registry.fetch(version, f"mlci/{candidate_name(evidence[1])}", folder)


def _require_numpy() -> None:
    try:
        import numpy  # noqa: F401 - asked for here so that its absence is one clear error
    except ImportError as error:
        raise ExtraMissing("judging needs numpy", help='pip install "mlci[gate]"') from error


def against_anchor(registry: Registry, production: Version, config: Config) -> Iterator[tuple[Loudness, str]]:
    """Let the anchor be production where that is shown to be better than the anchor, or is the first.

    Raises:
        MlciError: the two cannot be compared.
    """
    with tempfile.TemporaryDirectory(prefix="mlci-anchor-", ignore_cleanup_errors=True) as folder:

        def both() -> tuple[Given, Given] | None:
            before = anchor_of(registry, production)
            if before is None:
                return None
            places = [Path(folder, name) for name in ("production", "anchor")]
            for place in places:
                place.mkdir()
            try:
                path, model = kept_predictions(registry, production, None, str(places[0]))
                other, _ = kept_predictions(registry, before, model, str(places[1]))
            except FileMissing:
                return None
            return given(path), given(other)

        yield from settle(registry, production, both, gate_policy(config, baseline_given=True))
