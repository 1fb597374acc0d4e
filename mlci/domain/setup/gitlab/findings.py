"""Everything that is found about a set-up on GitLab, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.access import access
from mlci.domain.setup.gitlab.checking import checking
from mlci.domain.setup.gitlab.conclusion import conclusion
from mlci.domain.setup.gitlab.facts import READS, Setup
from mlci.domain.setup.gitlab.forgery import forgery
from mlci.domain.setup.gitlab.forks import forks
from mlci.domain.setup.gitlab.gate import gates, pipelines
from mlci.domain.setup.gitlab.merging import merging
from mlci.domain.setup.gitlab.pins import pins
from mlci.domain.setup.gitlab.releasing import releasing
from mlci.domain.setup.gitlab.separation import separation
from mlci.domain.setup.gitlab.token import token
from mlci.domain.setup.policy import configuration


def findings(setup: Setup) -> Iterator[Finding]:
    """What is right, what is not, and what is unknown; the same may be said twice."""
    yield from merging(setup)
    yield from pipelines(setup)
    yield from gates(setup)
    yield from conclusion(setup)
    yield from checking(setup)
    yield from separation(setup)
    yield from access(setup)
    yield from token(setup)
    yield forgery(setup)
    yield from forks(setup)
    yield from pins(setup)
    yield from releasing(setup)
    yield configuration(setup.config, setup.branch, setup.settings.config_on_branch, READS)
