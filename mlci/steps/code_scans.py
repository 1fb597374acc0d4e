"""What code-ci looks through files for: models that would run code, credentials, vulnerable dependencies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlci.domain.checks import Problem, Ran
from mlci.domain.figures import count, seconds_in_words
from mlci.domain.finding import Finding
from mlci.domain.report import Section
from mlci.domain.scanning.scan import Scan, Scanned, Sighting
from mlci.domain.verdict import Verdict

# Files that stand as findings of their own; the rest is counted.
MOST_FILES = 50


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What looks like a credential; never the credential itself.

    Attributes:
        found: file, line and kind of each, at most ``MOST_FILES``.
        more: how many besides.
        files: how many files were searched.
        large: how many are too long to be searched.
    """

    found: tuple[Problem, ...]
    more: int
    files: int
    large: int = 0


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A scan that did not come to its end.

    Attributes:
        how: it ended, in words.
        help: what would change that, as a sentence.
        late: whether the budget was spent.
    """

    how: str
    help: str
    late: bool = False


@dataclass(frozen=True, kw_only=True)
class Scans:
    """What was looked for; None where it was not asked for."""

    models: Scanned | Broken | None = None
    secrets: Secrets | Broken | None = None
    dependencies: Ran | None = None

    @property
    def any(self) -> bool:
        """Whether anything was looked for."""
        return self.models is not None or self.secrets is not None or self.dependencies is not None


def judged(scans: Scans) -> tuple[list[Finding], list[Section]]:
    """The findings of all scans, and what is worth reading beside them."""
    findings: list[Finding] = []
    sections: list[Section] = []
    if isinstance(scans.models, Scanned):
        findings += _models(scans.models)
        sections += _listed(scans.models)
    elif scans.models is not None:
        findings.append(_broken("models", scans.models))
    if isinstance(scans.secrets, Secrets):
        findings += _secrets(scans.secrets)
    elif scans.secrets is not None:
        findings.append(_broken("secrets", scans.secrets))
    if scans.dependencies is not None:
        findings.append(_dependencies(scans.dependencies))
    return findings, sections


def _broken(name: str, broken: Broken) -> Finding:
    return Finding(
        id=f"scan:{name}",
        rule="scan",
        verdict=Verdict.INCONCLUSIVE,
        reason="over-budget" if broken.late else "unrun",
        message=f"scan-{name} {broken.how}",
        explanation=f"What was not looked through is not clean. {broken.help}",
    )


_PICKLE_HELP = (
    "Keep weights as safetensors, ONNX or skops and the code in the repository, or name the file under "
    "code.scan.ignore on the branch to merge to once somebody has looked at what it runs."
)


def _models(scanned: Scanned) -> Iterator[Finding]:
    bad = [one for one in scanned.models if one.opinion != "clean"]
    bad.sort(key=lambda one: one.opinion != "unsafe")
    for one in bad[:MOST_FILES]:
        yield _model(one)
    if len(bad) > MOST_FILES:
        yield _rest([one.opinion == "unsafe" for one in bad[MOST_FILES:]])
    for path, why in scanned.unread[:MOST_FILES]:
        yield Finding(
            id=f"scan:models:{path}",
            rule="scan",
            verdict=Verdict.INCONCLUSIVE,
            reason="unreadable",
            message=f"{path} could not be scanned: {why}",
            explanation="What was not looked through is not clean. Make the file readable where checks run.",
            file=path,
        )
    if not bad and not scanned.unread:
        yield _clean(scanned)


def _clean(scanned: Scanned) -> Finding:
    ignored = f"; {count(scanned.ignored)} were left out by code.scan.ignore" if scanned.ignored else ""
    said = f"{count(len(scanned.models))} of {count(scanned.files)} files load as models"
    none = f"none of {count(scanned.files)} files loads as a model"
    found = f"{said}, and loading them runs nothing but what is allowed" if scanned.models else none
    return Finding(
        id="scan:models",
        rule="scan",
        verdict=Verdict.PASS,
        message=f"{found}{ignored}",
    )


def _rest(unsafe: Sequence[bool]) -> Finding:
    return Finding(
        id="scan:models:more",
        rule="scan",
        verdict=Verdict.FAIL if any(unsafe) else Verdict.INCONCLUSIVE,
        reason="hostile" if any(unsafe) else "unreadable",
        message=f"{count(len(unsafe))} more files are not clean, {count(sum(unsafe))} of them unsafe",
        explanation=f"Only the first {MOST_FILES} stand here by name. {_PICKLE_HELP}",
    )


def _model(scan: Scan) -> Finding:
    first, others = scan.sightings[0], len(scan.sightings) - 1 + scan.more
    more = f" (and {count(others)} more)" if others else ""
    unsafe = scan.opinion == "unsafe"
    return Finding(
        id=f"scan:models:{scan.path}",
        rule="scan",
        verdict=Verdict.FAIL if unsafe else Verdict.INCONCLUSIVE,
        reason="hostile" if unsafe else "unreadable",
        message=f"{scan.path} ({scan.format}) {first.message}{_where(first)}{more}",
        explanation=(
            f"Whoever loads this file runs what stands in it. {_PICKLE_HELP}"
            if unsafe
            else f"What cannot be walked to its end is not clean, whatever it may hold. {_PICKLE_HELP}"
        ),
        file=scan.path,
    )


def _where(sighting: Sighting) -> str:
    parts = [f"in {sighting.inside}"] if sighting.inside else []
    parts += [f"at byte {sighting.position}"] if sighting.position is not None else []
    return f", {' '.join(parts)}" if parts else ""


def _listed(scanned: Scanned) -> Iterator[Section]:
    if not scanned.models:
        return
    words = {"clean": "clean", "unsafe": "unsafe", "unknown": "not walked to its end"}
    notes = [f"{one.path}: {note}" for one in scanned.models for note in one.notes][:10]
    yield Section(
        id="models",
        title="Files that load as models",
        sentences=tuple(notes),
        columns=("File", "What it is", "Found"),
        rows=tuple((one.path, one.format, words[one.opinion]) for one in scanned.models[:200]),
    )


def _secrets(secrets: Secrets) -> Iterator[Finding]:
    for one in secrets.found:
        yield Finding(
            id=f"scan:secrets:{one.file}:{one.line}:{one.what}",
            rule="scan",
            verdict=Verdict.FAIL,
            reason="secret",
            message=f"{one.file}:{one.line} holds what looks like a credential: {one.what}",
            explanation=(
                "Whoever reads the repository has it, and history keeps it when the line is gone. Withdraw it where it "
                "was issued, or name the file under code.scan.ignore if it is none."
            ),
            file=one.file,
            line=one.line,
        )
    if secrets.more:
        yield Finding(
            id="scan:secrets:more",
            rule="scan",
            verdict=Verdict.FAIL,
            reason="secret",
            message=f"{count(secrets.more)} more lines hold what looks like a credential",
            explanation=f"Only the first {MOST_FILES} stand here by name. Name data files under code.scan.ignore.",
        )
    if not secrets.found:
        yield Finding(
            id="scan:secrets",
            rule="scan",
            verdict=Verdict.PASS,
            message=f"none of {count(secrets.files)} files holds what looks like a credential"
            + (f"; {count(secrets.large)} too large to be text were left out" if secrets.large else ""),
        )


def _dependencies(ran: Ran) -> Finding:
    took = seconds_in_words(ran.seconds)
    last = f": {ran.lines[-1].strip()}" if ran.lines else ""
    verdict = {"passed": Verdict.PASS, "failed": Verdict.FAIL, "memory": Verdict.FAIL}.get(
        ran.how, Verdict.INCONCLUSIVE
    )
    passed = verdict is Verdict.PASS
    late = ran.how in ("cut", "waiting")
    return Finding(
        id="scan:dependencies",
        rule="scan",
        verdict=verdict,
        reason=None if passed else "failed" if verdict is Verdict.FAIL else "over-budget" if late else "unrun",
        message=f"scan-dependencies {ran.said} {'in' if passed else 'after'} {took}{'' if passed else last}",
        explanation=None
        if passed
        else f"code.scan.dependencies is {ran.check.command}, and its exit is what counts. Update what it names, or "
        "see that it can run.",
        seconds=ran.seconds,
    )
