"""Who is told about a report, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlci.domain.run import Run
from mlci.ports import Commits, Conversation, Threads

# Something to say in the log, and how loudly.
Loudness = Literal["notice", "warning", "error"]
Line = tuple[Loudness, str]


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who is told about a report, and as what.

    Attributes:
        run: the run that reports.
        key: which report on the change this is; empty for the only one.
        commit: what status and check run belong to.
        number: the pull request that is commented on; None for none.
        conversation: None where no comment is wanted.
        commits: None where neither status nor check run is wanted.
        threads: None where no thread is wanted, or the forge has none that holds a merge back.
        status: whether a status is wanted.
        check: whether a check run is wanted.
        advisory: the numbers are not from trusted code; nothing of this report may turn a status green.
        dry_run: say what would be posted, and post nothing.
        quiet: bring up to date what an earlier run posted, and begin nothing.
        unmeasured: the report is that nobody has measured the commit; it replaces no report of one who has.
        waits: the verdict is for a person to give, until when the status ``mlci/approval`` holds the merge back.
        nameless: the key is empty only because the name of the model could not be read.
        silent: why nothing can be posted at all, and how loudly that is said; None where it can.
    """

    run: Run
    key: str
    commit: str
    number: int | None
    conversation: Conversation | None
    commits: Commits | None
    threads: Threads | None = None
    status: bool = True
    check: bool = False
    advisory: bool = False
    dry_run: bool = False
    quiet: bool = False
    unmeasured: bool = False
    waits: bool = False
    nameless: bool = False
    silent: Line | None = None

    @property
    def context(self) -> str:
        """The name of the status."""
        return "mlci/gate" + (f"/{self.key}" if self.key else "")

    @property
    def approval(self) -> str:
        """The name of the status that says whether people agreed."""
        return "mlci/approval" + (f"/{self.key}" if self.key else "")

    @property
    def untrusted(self) -> bool:
        """Whether code that nobody here has reviewed measured the numbers, however much the token may do."""
        return self.advisory or (self.run.change is not None and self.run.change.fork)


@dataclass(frozen=True)
class Said:
    """What came of posting: the comment's address, and a line for each thing that is worth saying."""

    comment: str = ""
    lines: tuple[Line, ...] = ()
