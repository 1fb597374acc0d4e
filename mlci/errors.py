"""Every way a step can end: the exit codes, and each error with its id. Only ``cli/main.py`` turns them into exits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """What the process returns; "the model is worse" and "the tool broke" never share a code."""

    PASS = 0
    BUG = 1
    USAGE = 2
    UNDECIDED = 3
    SERVICE = 4
    INTEGRITY = 5
    DATA = 10
    GATE = 11
    APPROVAL = 12
    PROMOTION = 13
    COMMAND = 14
    WARNED = 20
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One line for the README's table."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.PASS: "pass (or warn, or dry run)",
    Exit.BUG: "a bug in mlci, never raised on purpose",
    Exit.USAGE: "usage or configuration",
    Exit.UNDECIDED: "nothing to judge, or inconclusive where policy asks for a human or refuses",
    Exit.SERVICE: "a service (forge, registry, store) failed after retries",
    Exit.INTEGRITY: "integrity: a digest or a link of the chain does not hold",
    Exit.DATA: "data check failed",
    Exit.GATE: "gate, shadow, canary or a code check failed",
    Exit.APPROVAL: "approval missing or refused",
    Exit.PROMOTION: "promotion refused (alias moved meanwhile, stale or ungated baseline)",
    Exit.COMMAND: "the user's own command (training, scoring) failed, timed out or ran out of memory",
    Exit.WARNED: "warn, where the command was asked to say so by its exit (--exit-on-warn)",
    Exit.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True)
class Place:
    """Where something is wrong; line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class MlciError(Exception):
    """Something a user can act on: an id, a place, a cause, and what to do about it."""

    id: ClassVar[str]
    exit: ClassVar[Exit]
    title: ClassVar[str]

    def __init__(self, cause: str, *, place: Place | None = None, help: str | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.place = place
        self.help = help

    def __str__(self) -> str:
        lines = [f"error[{self.id}]: {self.cause}"]
        if self.place is not None:
            lines.append(f"  --> {self.place}")
        if self.help is not None:
            lines.append(f"  = help: {self.help}")
        return "\n".join(lines)


class SeveralErrors(MlciError):
    """All problems of one input, reported together. It has no id of its own: each problem has."""

    def __init__(self, problems: list[MlciError]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems
        # An instance takes the code of its problems, which come from one input and so share one.
        self.exit = problems[0].exit  # type: ignore[misc]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


# Usage: the command line and the machine it runs on.


class UsageError(MlciError):
    id, exit, title = "U001", Exit.USAGE, "The command line cannot be understood."


class FileMissing(MlciError):
    id, exit, title = "U002", Exit.USAGE, "A named file does not exist or cannot be opened."


class ExtraMissing(MlciError):
    id, exit, title = "U003", Exit.USAGE, "An optional part of mlci is needed and not installed."


class PlatformUnsupported(MlciError):
    id, exit, title = "U004", Exit.USAGE, "mlci runs on Linux and macOS."


class NotWritable(MlciError):
    id, exit, title = "U005", Exit.USAGE, "A result could not be written."


class NotAlone(MlciError):
    id, exit, title = "U006", Exit.USAGE, "Another run of mlci is at work on the same model in this folder."


# Configuration: mlci.yml, its environment and its flags.


class ConfigSyntax(MlciError):
    id, exit, title = "C001", Exit.USAGE, "mlci.yml is not valid YAML."


class UnknownKey(MlciError):
    id, exit, title = "C002", Exit.USAGE, "A key is not part of mlci.yml."


class WrongType(MlciError):
    id, exit, title = "C003", Exit.USAGE, "A value has the wrong type."


class OutOfRange(MlciError):
    id, exit, title = "C004", Exit.USAGE, "A value is outside what is allowed."


class DuplicateKey(MlciError):
    id, exit, title = "C005", Exit.USAGE, "A key stands twice in one block."


class ReferenceMissing(MlciError):
    id, exit, title = "C006", Exit.USAGE, "A ${NAME} reference names an environment variable that is not set."


class RequiredMissing(MlciError):
    id, exit, title = "C007", Exit.USAGE, "A required key or option is missing."


class Contradiction(MlciError):
    id, exit, title = "C008", Exit.USAGE, "Two values contradict each other."


# Input: the predictions and metrics that are to be judged.


class Unreadable(MlciError):
    id, exit, title = "I001", Exit.UNDECIDED, "A predictions or metrics file is malformed."


class ColumnMissing(MlciError):
    id, exit, title = "I002", Exit.UNDECIDED, "A column that is needed is not in the file."


class ColumnAmbiguous(MlciError):
    id, exit, title = "I003", Exit.UNDECIDED, "Two columns could play the same part."


class DuplicateIds(MlciError):
    id, exit, title = "I004", Exit.UNDECIDED, "An example id stands more than once in a file."


class IdsDiffer(MlciError):
    id, exit, title = "I005", Exit.UNDECIDED, "Candidate and baseline were not scored on the same examples."


class HoldoutDiffers(MlciError):
    id, exit, title = "I006", Exit.UNDECIDED, "The two files disagree on what the holdout says of an example."


class BadValue(MlciError):
    id, exit, title = "I007", Exit.UNDECIDED, "A value cannot be used: a missing label, a negative weight, an empty id."


class NoExamples(MlciError):
    id, exit, title = "I008", Exit.UNDECIDED, "There is nothing to judge."


# Data: what a model is trained and judged on, before anything is spent on it.


class DataUnreadable(MlciError):
    id, exit, title = "D001", Exit.DATA, "A dataset is malformed, cut off, or not in the encoding it must be in."


class DataFailed(MlciError):
    id, exit, title = "D002", Exit.DATA, "The training data did not pass their check."


class DataUnchecked(MlciError):
    id, exit, title = "D003", Exit.UNDECIDED, "Nothing says that the training data were checked."


class DataAltered(MlciError):
    id, exit, title = "D004", Exit.INTEGRITY, "The training data are not those that were checked."


class EngineFailed(MlciError):
    id, exit, title = "D005", Exit.SERVICE, "The engine that counts the rows of a dataset failed."


# Services: the forge and the stores. Nothing is judged on a guess about what they would have said.


class ServiceFailed(MlciError):
    id, exit, title = "S001", Exit.SERVICE, "A service did not answer, after bounded retries."


class ServiceRefused(MlciError):
    id, exit, title = "S002", Exit.SERVICE, "A service refused what was asked: a permission is missing."


class PolicyUnreadable(MlciError):
    id, exit, title = "S003", Exit.SERVICE, "The policy of the branch to merge to could not be read."


class EventUnreadable(MlciError):
    id, exit, title = "S004", Exit.SERVICE, "What the runner says about this run cannot be used."


# Artifacts of other runs: hostile until proven otherwise.


class ArtifactRefused(MlciError):
    id, exit, title = "A001", Exit.UNDECIDED, "An artifact of another run is not what it must be."


class BaselineBroken(MlciError):
    id, exit, title = "A002", Exit.INTEGRITY, "A kept baseline does not match the digest in its own evidence."


class ModelAltered(MlciError):
    id, exit, title = "A003", Exit.INTEGRITY, "A model or its predictions are not those that its evidence names."


# The user's own commands, and what they leave.


class CommandFailed(MlciError):
    id, exit, title = "T001", Exit.COMMAND, "A command of the user's failed."


class CommandTimedOut(MlciError):
    id, exit, title = "T002", Exit.COMMAND, "A command of the user's took longer than it may."


class CommandOutOfMemory(MlciError):
    id, exit, title = "T003", Exit.COMMAND, "A command of the user's ran out of memory."


class ModelMissing(MlciError):
    id, exit, title = "T004", Exit.COMMAND, "Training left no model, or more than one."


class ModelUnusable(MlciError):
    id, exit, title = "T005", Exit.COMMAND, "A model cannot be loaded, or gives nothing that can be judged."


# The registry of models.


class RegistryEphemeral(MlciError):
    id, exit, title = "R001", Exit.USAGE, "The embedded registry would be lost with the runner."


class RegistryBroken(MlciError):
    id, exit, title = "R002", Exit.INTEGRITY, "What the registry holds is not what it was given."


# Releases: the ledger of decisions, the people who agree, and the alias that follows.


class LedgerBroken(MlciError):
    id, exit, title = "L001", Exit.INTEGRITY, "The ledger of decisions does not hold together."


class LedgerMoved(MlciError):
    id, exit, title = "L002", Exit.PROMOTION, "Somebody else decided meanwhile."


class ChainBroken(MlciError):
    id, exit, title = "L003", Exit.INTEGRITY, "A link of the chain of evidence does not hold."


class ApprovalMissing(MlciError):
    id, exit, title = "H001", Exit.APPROVAL, "Not enough people have approved, or somebody refused."


class CannotTell(MlciError):
    id, exit, title = "H002", Exit.APPROVAL, "Whether an approval counts cannot be told."


class PromotionRefused(MlciError):
    id, exit, title = "P001", Exit.PROMOTION, "A version does not meet what its stage asks for."


class AliasMoved(MlciError):
    id, exit, title = "P002", Exit.PROMOTION, "An alias was moved by hand, past the ledger."


class NotServing(MlciError):
    id, exit, title = "P003", Exit.PROMOTION, "What serves did not answer with the promoted version."


def catalogue() -> list[type[MlciError]]:
    """Every error with an id, in the order of its id."""
    return sorted((kind for kind in MlciError.__subclasses__() if "id" in vars(kind)), key=lambda kind: kind.id)
