"""Parameters, outputs and permissions that several commands share."""

from __future__ import annotations

from mlci.config.model import DEFAULT_FILE
from mlci.surface.command import Output, Param, Permission

CONFIG = Param(
    name="config", kind="path", default=DEFAULT_FILE,
    help="Configuration file; the default one may be absent, a named one must exist.",
)  # fmt: skip

FORMAT = Param(
    name="format", kind="choice", choices=("text", "markdown", "json", "html"), default="text",
    help="How the report is printed.",
)  # fmt: skip
PRINTED = Param(
    name="format", kind="choice", choices=("text", "markdown", "json"), default="text",
    help="How the answer is printed.",
)  # fmt: skip
KEY = Param(
    name="key", kind="text",
    help="Name of this report on the change, where there are several: comment, status and artifact carry it. "
    "Left out, the model's name, and the matrix of the job.",
)  # fmt: skip
BASELINE_FROM = Param(
    name="baseline-from", kind="text",
    help="Where the last accepted run of the default branch is found: artifacts (of this repository's runs), or the "
    "address of a folder (s3://, gs://, az://, file://). Left out, --baseline says what production is.",
)  # fmt: skip
REUSE = Param(
    name="reuse", kind="boolean", default="true",
    help="Whether a result of the same inputs is taken instead of training again.",
)  # fmt: skip
REUSE_FROM = Param(
    name="reuse-from", kind="choice", choices=("artifacts",),
    help="Where earlier results are looked for besides this machine and the registry: artifacts of the default "
    "branch's runs.",
)  # fmt: skip
COMMENT = Param(
    name="comment",
    kind="boolean",
    default="true",
    help="Whether the report is posted as the one comment on the change.",
)
STATUS = Param(
    name="status", kind="boolean", default="true", help="Whether the verdict is set as the status of the commit."
)
CHECK = Param(
    name="check", kind="boolean", default="false", only="github",
    help="Whether the report is also posted as a check run, which GitHub shows under a workflow of its choice.",
)  # fmt: skip
THREAD = Param(
    name="thread", kind="boolean", default="true", only="gitlab",
    help="Whether a verdict that holds a merge back also opens a thread on the merge request, resolved by a later one "
    "that does not. It blocks where the project demands that all threads be resolved.",
)  # fmt: skip
EXIT_ON_WARN = Param(
    name="exit-on-warn", kind="boolean", default="false", only="gitlab",
    help="Whether the exit of a warn is 20 instead of 0, which GitLab shows in orange where the job has allow_failure "
    "with that exit code.",
)  # fmt: skip
TOUCHED = Param(
    name="touched", kind="boolean", default="true", only="gitlab",
    help="Whether the change touches the model, as the job that ran plan hands it on; false ends the step at once, "
    "because GitLab decides which jobs a pipeline has before any of them runs.",
)  # fmt: skip
GATE_JOB = Param(
    name="gate-job", kind="text", only="gitlab", default="mlci-gate-compare",
    help="Name of the job that runs gate-compare in the pipelines of merge requests.",
)  # fmt: skip
DRY_RUN = Param(
    name="dry-run", kind="boolean", default="false",
    help="Say what would be posted, and post nothing. The exit is the verdict's all the same.",
)  # fmt: skip
CONTENTS = Permission(scope="contents", level="read", why="reads mlci.yml of the branch to merge to")
COMMENTS = Permission(scope="pull-requests", level="write", why="posts the comment", optional=True, param=COMMENT)
STATUSES = Permission(scope="statuses", level="write", why="sets the commit's status", optional=True, param=STATUS)
CHECKS = Permission(
    scope="checks", level="write", why="posts the check run that --check asks for", optional=True, param=CHECK
)


def report(step: str) -> Param:
    """The parameter of a step that says where its report goes."""
    return Param(name="report", kind="path", default=f".mlci/report/{step}.json", help="Where the report is written.")


VERDICT = (
    Output(name="verdict", help="pass, warn, inconclusive or fail."),
    Output(name="reason", help="The verdict's one reason, as a sentence."),
    Output(name="report", help="Path of the report."),
)
