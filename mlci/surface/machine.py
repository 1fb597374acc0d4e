"""The commands that are no steps of a pipeline: a person starts them."""

from __future__ import annotations

from mlci.errors import Exit
from mlci.surface.command import Command, Param, Permission, overrides
from mlci.surface.params import CONFIG, FORMAT, PRINTED, report
from mlci.surface.pipeline import STEPS

INIT = Command(
    name="init",
    title="Set a repository up",
    summary="Write mlci.yml and the pipeline for this repository.",
    description=(
        "Looks for the training script, the data and the target, and asks about what it cannot find: five questions at "
        "most, each with an answer to accept. Nothing that is there is overwritten.",
    ),
    params=(
        Param(name="yes", kind="boolean", default="false", help="Whether what is found is taken without asking."),
        Param(name="model", kind="text", help="Name of the model."),
        Param(name="train", kind="text", help="Command that trains it."),
        Param(name="data", kind="path", help="What it is trained on."),
        Param(name="holdout", kind="path", help="What it is judged on; never seen by training."),
        Param(name="target", kind="text", help="Column of the true label or value."),
        Param(
            name="forge", kind="choice", choices=("github", "gitlab", "none"),
            help="Whose pipeline is written; left out, that of the remote or of the files that are there.",
        ),
        Param(name="folder", kind="path", default=".", help="Folder of the repository."),
        Param(name="force", kind="boolean", default="false", help="Whether files that are there are replaced."),
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.INTERRUPTED),
    at_hand=True,
)  # fmt: skip

RUN = Command(
    name="run",
    title="Run the chain on this machine",
    summary="Train, score, judge and register as the pipeline would, and show the comment it would post.",
    description=(
        "Runs model-ci and gate-compare one after the other, and before them data-check where data.train names a "
        "contract or data.required asks for it. With --base, what is checked out is judged as a change to "
        "that branch: by its policy, and registered nowhere. The comment is written to .mlci/comment.md.",
    ),
    params=(
        CONFIG,
        Param(name="base", kind="text", help="Branch or commit that the change would be merged to."),
        Param(
            name="format", kind="choice", choices=("text", "markdown", "json", "html"), default="text",
            help="How the reports are printed.",
        ),
        Param(
            name="reuse", kind="boolean", default="true",
            help="Whether a result of the same inputs is taken instead of training again.",
        ),
        Param(
            name="register", kind="boolean", default="true",
            help="Whether the candidate becomes a version in the registry; never with --base.",
        ),
    ),
    exits=(
        Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.DATA, Exit.GATE,
        Exit.COMMAND, Exit.INTERRUPTED,
    ),
    extras=("gate", "mlflow"),
    at_hand=True,
)  # fmt: skip

DOCTOR = Command(
    name="doctor",
    title="Check the set-up",
    summary="Say whether a worse model could still be merged: required checks, permissions, merge queue, forgery.",
    description=(
        "Reads workflows on this machine and the rules of the branch through the API, and changes nothing. Each "
        "finding says what to do. What the token may not read is listed as unknown, never as right.",
    ),
    on_gitlab="On GitLab it reads the pipeline as GitLab puts it together, and the settings of the project.",
    params=(
        Param(
            name="forge", kind="choice", choices=("github", "gitlab"),
            help="Whose set-up is looked at; left out, that of the run or of the remote origin.",
        ),
        Param(
            name="repository", kind="text",
            help="owner/name, on GitLab with all groups before it; left out, that of the run or of the remote origin.",
        ),
        Param(name="branch", kind="text", help="Branch that changes are merged to; left out, the default branch."),
        Param(
            name="required", kind="text",
            help="Name of the check that must be required; left out, the job that runs conclude.", only="github",
        ),
        Param(
            name="workflows", kind="path", default=".github/workflows", help="Folder of the workflows.", only="github",
        ),
        CONFIG,
        report("doctor"),
        FORMAT,
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.SERVICE, Exit.GATE, Exit.INTERRUPTED),
    permissions=(
        Permission(scope="contents", level="read", why="reads the branch's rules, and whether it has mlci.yml"),
        Permission(
            scope="administration", level="read",
            why="reads the reviews that classic protection demands and what jobs may do by default; unknown without it",
        ),
        Permission(
            scope="actions", level="read", why="reads the environments of a repository that promotes", optional=True
        ),
    ),
)  # fmt: skip

# How two files of predictions are read, for the commands that look at answers alone.
_READING = (
    overrides("evaluate.id"),
    overrides("evaluate.prediction"),
    overrides("evaluate.score"),
    overrides("evaluate.task"),
    overrides("evaluate.threshold"),
    overrides("evaluate.missing"),
)

_POWER = Param(
    name="power", kind="number", default="0.8",
    help="Chance of showing that a model without a change loses no more than the margin.",
)  # fmt: skip

SAMPLE_SIZE = Command(
    name="sample-size",
    title="Plan a holdout",
    summary="Say how many examples and labels a wanted answer takes, or what the examples there are can show.",
    description=(
        "Give a margin, and it is said how many examples show that a model without a change loses no more; give rows, "
        "and it is said which loss they can show. Nothing is judged.",
        "Beside it stands what an estimate within the margin takes at every look, by the bounds of ease.ml/ci "
        "(Hoeffding, Bennett) and by the normal distribution.",
    ),
    params=(
        Param(
            name="margin", kind="number", required=True, unless="rows",
            help="Largest accepted loss, as validation.tolerance says it.",
        ),
        Param(name="rows", kind="number", help="Examples that there are."),
        Param(
            name="kind", kind="choice", choices=("share", "mean", "auc"), default="share",
            help="What is compared: a share of the examples such as accuracy, a mean over them such as a log loss, or "
            "a ROC AUC.",
        ),
        Param(
            name="discordance", kind="number",
            help="Of a share: the part of the examples on which the two models disagree, such as 0.05. Left out, "
            "it is taken from two files, or several are shown.",
        ),
        Param(
            name="candidate", kind="path",
            help="Of a share: a file of the candidate's predictions; with --baseline it says on how many examples the "
            "two disagree. No labels are needed.",
        ),
        Param(name="baseline", kind="path", help="Of a share: production's predictions of the same examples."),
        Param(
            name="sd", kind="number",
            help="Of a mean: standard deviation of the difference between the two models on one example.",
        ),
        Param(name="auc", kind="number", help="Of a ROC AUC: about how large it is."),
        Param(
            name="positives", kind="number",
            help="Of a ROC AUC: examples of the positive class in a holdout of this kind; their share is what counts.",
        ),
        Param(name="negatives", kind="number", help="Of a ROC AUC: examples of the other class."),
        Param(
            name="correlation", kind="number",
            help="Of a ROC AUC: correlation between the two models' areas; 0 plans for two models that share nothing.",
        ),
        _POWER,
        CONFIG,
        overrides("validation.confidence"),
        *_READING,
        Param(
            name="steps", kind="number",
            help="How often the holdout will be looked at; left out, as validation.holdout says, or once.",
        ),
        Param(
            name="adaptivity", kind="choice", choices=("none", "first-change", "full"), default="none",
            help="What whoever trains learns of each look: nothing; the first pass, after which the holdout is given "
            "up; or every answer.",
        ),
        Param(
            name="reliability", kind="number",
            help="Chance that no look is farther off than the margin, for the estimates with a guarantee; left out, "
            "the confidence.",
        ),
        PRINTED,
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.INTERRUPTED),
    extras=("gate",),
    at_hand=True,
)  # fmt: skip

DISAGREEMENTS = Command(
    name="disagreements",
    title="Find what to label",
    summary="List the examples on which two models disagree, which are all that decides between them, to be labelled.",
    description=(
        "Reads two files of predictions for the same examples and needs no label: where both models answer alike, "
        "neither gains on the other. It says how many disagree and how many labels decide, and writes the list.",
        "With --labels it takes the list back and writes both models on the labelled examples, for gate-compare.",
    ),
    params=(
        Param(
            name="candidate", kind="path", required=True,
            help="The candidate's predictions (CSV, JSON Lines, Parquet).",
        ),
        Param(name="baseline", kind="path", required=True, help="Production's predictions of the same examples."),
        Param(
            name="requests", kind="path", default="labels-wanted.csv",
            help="Where the list of examples to label is written; it must not be there yet.",
        ),
        Param(name="limit", kind="number", help="The most disagreements to ask for, chosen by chance; left out, all."),
        Param(
            name="agreements", kind="number", default="0",
            help="How many examples on which the models agree to ask for besides, chosen by chance. With them the "
            "models' own values can be told, not only their difference.",
        ),
        Param(
            name="show", kind="boolean", default="false",
            help="Whether the list shows what the models answer. Who labels and sees it is led by it.",
        ),
        Param(name="labels", kind="path", help="The list with its labels filled in, to be joined with both files."),
        Param(
            name="joined", kind="path", default="labelled",
            help="Folder that the labelled examples of both models are written to, where --labels is given.",
        ),
        Param(
            name="apart", kind="number",
            help="Of predicted values: how far apart two must be to disagree, in the unit of the prediction.",
        ),
        Param(
            name="margin", kind="number",
            help="Largest accepted loss that labels are counted for; left out, half a point, one and two.",
        ),
        _POWER,
        CONFIG,
        overrides("validation.confidence"),
        overrides("evaluate.target"),
        *_READING,
        PRINTED,
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.INTERRUPTED),
    extras=("gate",),
    at_hand=True,
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
        CONFIG,
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
