"""Every command with its parameters, outputs and exits."""

from __future__ import annotations

from dataclasses import replace

from mlci.config.model import DEFAULT_FILE
from mlci.errors import Exit
from mlci.surface.command import Command, Output, Param, Permission, overrides

_CONFIG = Param(
    name="config", kind="path", default=DEFAULT_FILE,
    help="Configuration file; the default one may be absent, a named one must exist.",
)  # fmt: skip

_FORMAT = Param(
    name="format", kind="choice", choices=("text", "markdown", "json", "html"), default="text",
    help="How the report is printed.",
)  # fmt: skip
_KEY = Param(
    name="key", kind="text",
    help="Name of this report on the change, where there are several: comment, status and artifact carry it. "
    "Left out, the model's name, and the matrix of the job.",
)  # fmt: skip
_BASELINE_FROM = Param(
    name="baseline-from", kind="text",
    help="Where the last accepted run of the default branch is found: artifacts (of this repository's runs), or the "
    "address of a folder (s3://, gs://, az://, file://). Left out, --baseline says what production is.",
)  # fmt: skip
_COMMENT = Param(
    name="comment",
    kind="boolean",
    default="true",
    help="Whether the report is posted as the one comment on the change.",
)
_STATUS = Param(
    name="status", kind="boolean", default="true", help="Whether the verdict is set as the status of the commit."
)
_CHECK = Param(
    name="check", kind="boolean", default="false",
    help="Whether the report is also posted as a check run, which GitHub shows under a workflow of its choice.",
)  # fmt: skip
_DRY_RUN = Param(
    name="dry-run", kind="boolean", default="false",
    help="Say what would be posted, and post nothing. The exit is the verdict's all the same.",
)  # fmt: skip
_CONTENTS = Permission(scope="contents", level="read", why="reads mlci.yml of the branch to merge to")
_COMMENTS = Permission(scope="pull-requests", level="write", why="posts the comment", optional=True, param=_COMMENT)
_STATUSES = Permission(scope="statuses", level="write", why="sets the commit's status", optional=True, param=_STATUS)
_CHECKS = Permission(
    scope="checks", level="write", why="posts the check run that --check asks for", optional=True, param=_CHECK
)


def _report(step: str) -> Param:
    return Param(name="report", kind="path", default=f".mlci/report/{step}.json", help="Where the report is written.")


_VERDICT = (
    Output(name="verdict", help="pass, warn, inconclusive or fail."),
    Output(name="reason", help="The verdict's one reason, as a sentence."),
    Output(name="report", help="Path of the report."),
)

GATE_COMPARE = Command(
    name="gate-compare",
    title="Judge a candidate",
    summary="Compare a candidate's predictions with production's and say whether it is worse.",
    description=(
        "Reads two files of predictions for the same examples, or of metric values, and judges every metric with its "
        "uncertainty: pass, warn, inconclusive or fail.",
        "Without a configuration file it finds the columns, picks the usual metrics and accepts a loss of one point.",
    ),
    params=(
        Param(
            name="candidate", kind="path", required=True,
            help="The candidate's predictions (CSV, JSON Lines, Parquet) or metric values (JSON).",
        ),
        Param(
            name="baseline", kind="path",
            help="Production's predictions or metric values; left out, only absolute limits can be judged.",
        ),
        _BASELINE_FROM,
        _CONFIG,
        _report("gate-compare"),
        Param(
            name="evidence", kind="path", default=".mlci/evidence/gate.json",
            help="Where the evidence is written.",
        ),
        Param(
            name="keep", kind="path", default="mlci-keep",
            help="Folder of what a later run needs: the evidence and, on the default branch, the predictions.",
        ),
        _FORMAT,
        _KEY,
        _COMMENT,
        _STATUS,
        _CHECK,
        _DRY_RUN,
        overrides(
            "validation.metrics",
            note="Limits that mlci.yml sets for a metric named here still hold; other metrics are not judged.",
        ),
        overrides("validation.tolerance"),
        overrides("validation.confidence"),
        overrides("validation.thresholds"),
        overrides("validation.on_inconclusive"),
        overrides("validation.require_predictions"),
        overrides("evaluate.slices"),
        overrides("evaluate.id"),
        overrides("evaluate.target"),
        overrides("evaluate.prediction"),
        overrides("evaluate.score"),
        overrides("evaluate.weight"),
        overrides("evaluate.group"),
        overrides("evaluate.task"),
        overrides("evaluate.positive"),
        overrides("evaluate.threshold"),
        overrides("evaluate.missing"),
        overrides("evaluate.duplicates"),
        overrides("evaluate.nan"),
    ),
    outputs=(
        *_VERDICT,
        Output(name="evidence", help="sha256 of the evidence, in hexadecimal."),
        Output(name="keep", help="Folder to upload as an artifact."),
        Output(name="artifact", help="Name to upload it under."),
        Output(name="comment", help="Address of the comment; empty where none was posted."),
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.GATE, Exit.INTERRUPTED),
    extras=("gate",),
    permissions=(
        _CONTENTS,
        Permission(
            scope="actions", level="read", why="finds the baseline that --baseline-from artifacts asks for",
            param=_BASELINE_FROM, value="artifacts",
        ),
        _COMMENTS,
        _STATUSES,
        _CHECKS,
    ),
)  # fmt: skip

PLAN = Command(
    name="plan",
    title="See whether a change touches the model",
    summary="List what a change touches, and say whether the model has to be trained and judged again.",
    description=(
        "Everything may touch the model except documentation; train.paths narrows that down. A change of mlci.yml, of "
        "a workflow, or of more files than the forge lists always does.",
        "Jobs that train and judge run only where the output model is true; conclude accepts that they were skipped.",
    ),
    params=(_CONFIG, _report("plan"), _FORMAT, overrides("train.paths")),
    outputs=(
        Output(name="model", help="true or false: whether the change touches the model."),
        Output(name="reason", help="Why, as a sentence."),
        Output(name="report", help="Path of the report."),
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.SERVICE, Exit.INTERRUPTED),
    permissions=(Permission(scope="contents", level="read", why="lists the files of the change"),),
)

REPORT = Command(
    name="report",
    title="Report on a fork's change",
    summary="Judge again what another run measured, by the policy of the branch to merge to, and post it as advisory.",
    description=(
        "For a workflow that workflow_run starts after the run of a pull request from a fork, whose own token may not "
        "write. The artifact of that run is taken as hostile: only its numbers are read, judged again and rendered.",
        "The pull request is found through the API. Numbers that a fork measured never turn a status green.",
    ),
    params=(
        Param(
            name="key", kind="text",
            help="The key that the run of the pull request reported under; left out, the model's name.",
        ),
        replace(
            _BASELINE_FROM,
            help="Where the last accepted run of the default branch is found, as for gate-compare, to see whether the "
            "other run compared with it. Left out, nobody checks that.",
        ),
        Param(
            name="config", kind="text", default=DEFAULT_FILE,
            help="Configuration file in the repository, as the branch to merge to has it; nothing is checked out.",
        ),
        _report("report"),
        _FORMAT,
        _COMMENT,
        _STATUS,
        _DRY_RUN,
    ),
    outputs=(*_VERDICT, Output(name="comment", help="Address of the comment; empty where none was posted.")),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.GATE, Exit.INTERRUPTED),
    extras=("gate",),
    permissions=(
        _CONTENTS,
        Permission(scope="actions", level="read", why="reads the artifact of the other run"),
        Permission(scope="pull-requests", level="write", why="finds the pull request and posts the comment"),
        _STATUSES,
    ),
)  # fmt: skip

CONCLUDE = Command(
    name="conclude",
    title="Conclude a pipeline",
    summary="The one job to require: red when a job it needs failed, was cancelled, was skipped or is missing.",
    description=(
        "Give it toJSON(needs) and let its job run with if: always(). GitHub counts a skipped job as a success; this "
        "one does not, unless the job is named in may-skip, or in model-jobs and plan found the model untouched.",
    ),
    params=(
        Param(
            name="needs", kind="text", required=True, help="The results of the needed jobs, as ${{ toJSON(needs) }}."
        ),
        Param(name="expect", kind="names", help="Jobs that must be among them; one that is not is red."),
        Param(
            name="model-jobs", kind="names",
            help="Jobs that run only where plan found the model touched; plan's word excuses these alone.",
        ),
        Param(name="may-skip", kind="names", help="Jobs that may be skipped for any reason."),
        Param(name="may-fail", kind="names", help="Jobs that may fail or be cancelled; they are listed."),
        Param(name="plan", kind="text", default="plan", help="The job that ran plan, where there is one."),
        _report("conclude"),
        _FORMAT,
    ),
    outputs=_VERDICT,
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.GATE, Exit.INTERRUPTED),
)  # fmt: skip

STEPS = (PLAN, GATE_COMPARE, REPORT, CONCLUDE)

DOCTOR = Command(
    name="doctor",
    title="Check the set-up",
    summary="Say whether a worse model could still be merged: required checks, permissions, merge queue, forgery.",
    description=(
        "Reads workflows on this machine and the rules of the branch through the API, and changes nothing. Each "
        "finding says what to do. What the token may not read is listed as unknown, never as right.",
    ),
    params=(
        Param(name="repository", kind="text", help="owner/name; left out, that of the run or of the remote origin."),
        Param(name="branch", kind="text", help="Branch that changes are merged to; left out, the default branch."),
        Param(
            name="required", kind="text",
            help="Name of the check that must be required; left out, the job that runs conclude.",
        ),
        Param(name="workflows", kind="path", default=".github/workflows", help="Folder of the workflows."),
        _CONFIG,
        _report("doctor"),
        _FORMAT,
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.SERVICE, Exit.GATE, Exit.INTERRUPTED),
    permissions=(
        Permission(scope="contents", level="read", why="reads the branch's rules, and whether it has mlci.yml"),
        Permission(
            scope="administration", level="read",
            why="reads the reviews that classic protection demands and what jobs may do by default; unknown without it",
        ),
    ),
)  # fmt: skip

CONFIG_EXPLAIN = Command(
    name="config explain",
    title="Explain the configuration",
    summary="Print every value of the configuration that holds, and where it comes from.",
    description=(
        "Each line is a key, its value and its source: a place in the file, an environment variable, or the default.",
        "A value that the file takes from the environment is shown as the reference it is written as.",
    ),
    params=(
        _CONFIG,
        Param(
            name="command", kind="choice", choices=tuple(step.name for step in STEPS),
            help="Show what this command would see, the environment variables that override its keys included.",
        ),
        Param(
            name="format", kind="choice", choices=("text", "json"), default="text", help="How the values are printed."
        ),
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.INTERRUPTED),
)  # fmt: skip

COMMANDS = (*STEPS, DOCTOR, CONFIG_EXPLAIN)

# What a group of commands is about, for its help.
GROUPS = {"config": "See what the configuration says."}


def command_named(name: str) -> Command:
    """The command of that name."""
    return next(command for command in COMMANDS if command.name == name)
