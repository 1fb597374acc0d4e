"""What is known of a set-up on GitLab, and how its parts are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from mlci.domain.setup.gitlab.pipeline import Job, Pipeline
from mlci.domain.setup.gitlab.presence import CHOSEN, Event, Outcome, changes, outcomes
from mlci.domain.setup.gitlab.project import Project, Settings, Topic
from mlci.domain.setup.gitlab.releases import Releases
from mlci.domain.setup.words import listed, shown

# What a token needs for what any member may read, and for what Maintainers alone are told.
READS = "the scope read_api and at least the role Reporter"
MAINTAINS = "the scope read_api and the role Maintainer"
# What puts a job, or a pipeline, into merge requests.
IN_CHANGES = 'rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]'


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything that is judged.

    Attributes:
        branch: that changes are merged to.
        settings: what the API tells of the project.
        pipeline: None where it could not be read; ``settings.unknown`` says why.
        config: path of mlci.yml inside the repository.
        today: the day on which this is asked.
        in_job: whether it is asked in a job, with the token of the pipeline.
        releases: what guards a release; None where that was not asked.
    """

    branch: str
    settings: Settings
    pipeline: Pipeline | None
    today: date
    config: str = "mlci.yml"
    in_job: bool = False
    releases: Releases | None = None

    @property
    def project(self) -> Project:
        """The project."""
        return self.settings.project

    @cached_property
    def changes(self) -> tuple[Event, ...]:
        """What starts the pipelines of a merge request."""
        return changes(self.project, self.branch)

    def unreadable(self, topic: Topic) -> str:
        """Why a topic is unknown, as the end of a sentence; empty where nothing is said."""
        why = self.settings.unknown.get(topic)
        return f": {shown(why, 200)}" if why else ""

    def calling(self, command: str) -> tuple[Job, ...]:
        """The jobs that run one of our commands."""
        return self.pipeline.calling(command) if self.pipeline is not None else ()

    def becomes(self, job: Job, events: Sequence[Event] | None = None) -> Iterator[tuple[Event, Outcome]]:
        """Everything that may become of a job in the pipelines of merge requests, or in others."""
        if self.pipeline is not None:
            for event in events or self.changes:
                yield from ((event, outcome) for outcome in outcomes(job, self.pipeline, event))


def named(job: Job) -> str:
    """A job, as words."""
    return f"the job {shown(job.name, 60)}"


def hanging(doubts: frozenset[str]) -> str:
    """What something hangs on, as words."""
    return listed(sorted(doubts), 3)


def chosen(doubts: frozenset[str]) -> bool:
    """Whether whoever proposes a change decides what something hangs on."""
    return bool(doubts & CHOSEN)


def names(text: str | None) -> list[str]:
    """Names as a parameter of ours takes them: one on each line, or with commas between."""
    return (text or "").replace(",", " ").split()
