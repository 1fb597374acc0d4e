"""The steps of a pipeline, each with its parameters, outputs and exits."""

from __future__ import annotations

from dataclasses import replace

from mlci.config.model import DEFAULT_FILE
from mlci.errors import Exit
from mlci.surface.checking import CHECKING
from mlci.surface.command import Command, Output, Param, Permission, overrides
from mlci.surface.params import (
    BASELINE_FROM,
    CHECK,
    CHECKS,
    COMMENT,
    COMMENTS,
    CONFIG,
    CONTENTS,
    DRY_RUN,
    EXIT_ON_WARN,
    FORMAT,
    GATE_JOB,
    KEY,
    REUSE,
    REUSE_FROM,
    STATUS,
    STATUSES,
    THREAD,
    TOUCHED,
    VERDICT,
    report,
)
from mlci.surface.release import RELEASE

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
            name="candidate", kind="path", required=True, unless="version",
            help="The candidate: the folder that model-ci left, a file of predictions (CSV, JSON Lines, Parquet), of "
            "another harness (promptfoo, lm-evaluation-harness, Inspect, MLflow) or of metric values (JSON).",
        ),
        Param(
            name="baseline", kind="path",
            help="Production's predictions or metric values; left out, those in the candidate's folder, or only "
            "absolute limits are judged.",
        ),
        BASELINE_FROM,
        Param(
            name="version", kind="text",
            help="Version in the registry that the candidate is: its predictions are taken from there where no "
            "--candidate is given. With the folder that model-ci left, the verdict is recorded with it on the default "
            "branch and on this machine; candidate is then the version that this folder became, if any.",
        ),
        Param(
            name="against", kind="text",
            help="What production is in the registry: an alias such as production, or a version; its kept predictions "
            "on the same holdout are compared with.",
        ),
        Param(
            name="latency", kind="path",
            help="Calls of both models that were timed in turns (CSV: block, order, candidate_ms, production_ms), for "
            "metrics of latency and cost; left out, what model-ci measured is in the candidate's folder.",
        ),
        CONFIG,
        report("gate-compare"),
        Param(
            name="evidence", kind="path", default=".mlci/evidence/gate.json",
            help="Where the evidence is written.",
        ),
        Param(
            name="keep", kind="path", default="mlci-keep",
            help="Folder of what a later run needs: the evidence and, on the default branch, the predictions.",
        ),
        Param(
            name="flips", kind="number", default="1000",
            help="How many examples on which the two models differ are listed by id beside the report, at most; 0 for "
            "none.",
        ),
        FORMAT,
        KEY,
        COMMENT,
        THREAD,
        STATUS,
        CHECK,
        DRY_RUN,
        EXIT_ON_WARN,
        TOUCHED,
        Param(
            name="engine", kind="choice", default="auto", choices=("auto", "memory", "duckdb", "spark"),
            help="What reads the predictions. memory reads whole files; duckdb and spark join and count files that are "
            "larger than memory, and reach the same verdict. auto leaves large files to DuckDB where it is installed.",
        ),
        overrides("registry.uri", name="registry"),
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
        *VERDICT,
        Output(name="evidence", help="sha256 of the evidence, in hexadecimal."),
        Output(name="keep", help="Folder to upload as an artifact."),
        Output(name="artifact", help="Name to upload it under."),
        Output(name="flips", help="Path of the list of examples on which the two models differ; empty without one."),
        Output(name="comment", help="Address of the comment; empty where none was posted."),
    ),
    exits=(
        Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.GATE, Exit.COMMAND,
        Exit.WARNED, Exit.INTERRUPTED,
    ),
    extras=("gate",),
    permissions=(
        CONTENTS,
        Permission(
            scope="actions", level="read", why="finds the baseline that --baseline-from artifacts asks for",
            param=BASELINE_FROM, value="artifacts",
        ),
        COMMENTS,
        STATUSES,
        CHECKS,
    ),
)  # fmt: skip

PLAN = Command(
    name="plan",
    title="See whether a change touches the model",
    summary="List what a change touches, and say whether the model has to be trained and judged again.",
    description=(
        "Everything may touch the model except documentation and tests; train.paths narrows that down. A change of "
        "mlci.yml or of the pipeline always does.",
    ),
    on_github=(
        "On GitHub a change of more files than the API lists always does, too. Jobs that train and judge run only "
        "where the output model is true; conclude accepts that they were skipped."
    ),
    on_gitlab=(
        "On GitLab the jobs that train and judge are always there. They take the output model as touched, and end at "
        "once where it is false."
    ),
    params=(
        CONFIG,
        Param(
            name="base",
            kind="text",
            help="On a machine without a forge: the branch or commit that what is checked out would be merged to.",
        ),
        report("plan"),
        FORMAT,
        overrides("train.paths"),
    ),
    outputs=(
        Output(name="model", help="true or false: whether the change touches the model."),
        Output(name="reason", help="Why, as a sentence."),
        Output(name="report", help="Path of the report."),
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.SERVICE, Exit.INTERRUPTED),
    permissions=(Permission(scope="contents", level="read", why="lists the files of the change"),),
)

MODEL_CI = Command(
    name="model-ci",
    title="Train and score a candidate",
    summary="Train a candidate, score it and production on the same holdout, and leave both with their evidence.",
    description=(
        "Runs your own training command and loads what it wrote in your own interpreter, as child processes without "
        "tokens. What was trained before from the very same inputs is not trained again.",
        "On the default branch and on a developer's machine the candidate becomes a version in the registry; on a "
        "change it is left in a folder to upload.",
    ),
    params=(
        CONFIG,
        report("model-ci"),
        Param(
            name="evidence", kind="path", default=".mlci/evidence/model.json", help="Where the evidence is written."
        ),
        Param(
            name="keep", kind="path", default="mlci-model",
            help="Folder of what later steps need: the model, its evidence, and the predictions of both models.",
        ),
        Param(
            name="data-evidence", kind="path", default=".mlci/evidence/data.json",
            help="Evidence of data-check that the data passed; where data.required says so, nothing is trained without "
            "it.",
        ),
        FORMAT,
        KEY,
        Param(name="profile", kind="text", help="Train by this profile of train.profiles, and register nothing."),
        REUSE,
        REUSE_FROM,
        Param(
            name="register", kind="boolean", default="true",
            help="Whether the candidate becomes a version in the registry, on the default branch or on this machine.",
        ),
        Param(
            name="dry-run", kind="boolean", default="false",
            help="Say whether a model would be trained and why, and do nothing.",
        ),
        TOUCHED,
        overrides("train.command"),
        overrides("train.python"),
        overrides("train.seed"),
        overrides("train.device"),
        overrides("train.timeout"),
        overrides("registry.uri", name="registry"),
    ),
    outputs=(
        *VERDICT,
        Output(name="evidence", help="sha256 of the evidence, in hexadecimal."),
        Output(name="keep", help="Folder to upload as an artifact."),
        Output(name="artifact", help="Name to upload it under."),
        Output(name="trained", help="true or false: whether a model was trained, or an earlier result taken."),
        Output(name="version", help="Version in the registry; empty where nothing was registered."),
    ),
    exits=(
        Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.DATA, Exit.COMMAND,
        Exit.INTERRUPTED,
    ),
    extras=("gate",),
    permissions=(
        CONTENTS,
        Permission(
            scope="actions", level="read", why="finds what earlier runs trained from the same inputs", optional=True,
            param=REUSE,
        ),
        Permission(
            scope="pull-requests", level="read", why="finds the change that a commit was merged from", optional=True,
            param=REUSE,
        ),
    ),
)  # fmt: skip

REPORT = Command(
    name="report",
    title="Report on a fork's change",
    summary="Judge again what another run measured, by the policy of the branch to merge to, and post it as advisory.",
    description=(
        "The run of a fork's change has no token that may write. What it left is taken as hostile: only its numbers "
        "are read, judged again and rendered.",
    ),
    on_github=(
        "On GitHub it is for a workflow that workflow_run starts after the run of a pull request from a fork. The pull "
        "request is found through the API. Numbers that a fork measured never turn a status green."
    ),
    on_gitlab=(
        "On GitLab it is for a pipeline of the default branch, started by a schedule or a person, and reports on every "
        "open merge request from a fork, or on one."
    ),
    params=(
        Param(
            name="change", kind="number", only="gitlab",
            help="Number of the merge request to report on; left out, every open one that comes from a fork.",
        ),
        GATE_JOB,
        Param(
            name="key", kind="text",
            help="The key that the run of the change reported under; left out, the model's name.",
        ),
        replace(
            BASELINE_FROM,
            help="Where the last accepted run of the default branch is found, as for gate-compare, to see whether the "
            "other run compared with it. Left out, nobody checks that.",
        ),
        Param(
            name="config", kind="text", default=DEFAULT_FILE,
            help="Configuration file in the repository, as the branch to merge to has it; nothing is checked out.",
        ),
        report("report"),
        FORMAT,
        COMMENT,
        replace(STATUS, only="github"),
        THREAD,
        DRY_RUN,
    ),
    outputs=(*VERDICT, Output(name="comment", help="Address of the comment; empty where none was posted.")),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.GATE, Exit.INTERRUPTED),
    extras=("gate",),
    permissions=(
        CONTENTS,
        Permission(scope="actions", level="read", why="reads the artifact of the other run"),
        Permission(scope="pull-requests", level="write", why="finds the pull request and posts the comment"),
        STATUSES,
    ),
)  # fmt: skip

CONCLUDE = Command(
    name="conclude",
    title="Conclude a pipeline",
    summary="The one job to require: red when a job it needs failed, was cancelled, was skipped or is missing.",
    description=(),
    on_github=(
        "On GitHub give it toJSON(needs) and let its job run with if: always(). GitHub counts a skipped job as a "
        "success; this one does not, unless the job is named in may-skip, or in model-jobs and plan found the model "
        "untouched."
    ),
    on_gitlab=(
        "On GitLab it asks for the jobs of its own pipeline: those that expect names, or all. A job whose failure is "
        "allowed, that was skipped, or that waits for a person leaves a pipeline green there; this one does not."
    ),
    params=(
        Param(
            name="needs", kind="text", required=True, only="github",
            help="The results of the needed jobs, as ${{ toJSON(needs) }}.",
        ),
        Param(name="expect", kind="names", help="Jobs that must be among them; one that is not is red."),
        Param(
            name="model-jobs", kind="names", only="github",
            help="Jobs that run only where plan found the model touched; plan's word excuses these alone.",
        ),
        Param(name="may-skip", kind="names", help="Jobs that may be skipped for any reason."),
        Param(name="may-fail", kind="names", help="Jobs that may fail or be cancelled; they are listed."),
        Param(
            name="may-warn", kind="names", only="gitlab",
            help="Jobs that may end in orange: failed, and allowed to by their allow_failure; they are listed.",
        ),
        Param(
            name="plan", kind="text", default="plan", only="github",
            help="The job that ran plan, where there is one.",
        ),
        report("conclude"),
        FORMAT,
    ),
    outputs=VERDICT,
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.SERVICE, Exit.GATE, Exit.INTERRUPTED),
)  # fmt: skip

STEPS = (PLAN, *CHECKING, MODEL_CI, GATE_COMPARE, REPORT, *RELEASE, CONCLUDE)
