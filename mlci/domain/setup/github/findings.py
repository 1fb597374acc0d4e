"""Everything that is found about a set-up on GitHub, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.github.checking import checking
from mlci.domain.setup.github.conclusion import conclusion
from mlci.domain.setup.github.facts import Setup
from mlci.domain.setup.github.forgery import forgery
from mlci.domain.setup.github.forks import forks, pins
from mlci.domain.setup.github.permissions import permissions
from mlci.domain.setup.github.releasing import releasing
from mlci.domain.setup.github.required import merge_queue, required
from mlci.domain.setup.policy import configuration
from mlci.domain.setup.words import finding, shown
from mlci.domain.verdict import Verdict


def findings(setup: Setup) -> Iterator[Finding]:
    """What is right, what is not, and what is unknown; the same may be said twice of a job that two ways lead to."""
    yield from required(setup)
    yield from conclusion(setup)
    yield from checking(setup)
    yield from merge_queue(setup)
    yield from permissions(setup)
    yield forgery(setup)
    yield from forks(setup)
    yield from pins(setup)
    yield from releasing(setup)
    yield configuration(setup.config, setup.branch, setup.config_on_branch, "contents: read")
    for unread in setup.unread:
        where = shown(unread.file) + (f":{unread.line}" if unread.line is not None else "")
        yield finding(
            "workflow",
            Verdict.INCONCLUSIVE,
            f"{where} could not be read: {shown(unread.cause, 200)}",
            "GitHub does not run a workflow that it cannot read. What this one says was not judged.",
            about=shown(unread.file),
            reason="unknown",
        )
