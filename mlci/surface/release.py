"""The commands of a release: who agrees, what is promoted, the way back, and the record of it."""

from __future__ import annotations

from mlci.errors import Exit
from mlci.surface.command import Command, Output, Param, Permission
from mlci.surface.params import CONFIG, CONTENTS, DRY_RUN, FORMAT, GATE_JOB, KEY, PRINTED, VERDICT, report

_ALWAYS = (Exit.PASS, Exit.BUG, Exit.USAGE, Exit.SERVICE, Exit.INTEGRITY)
_REASON = Param(name="reason", kind="text", help="Why, as a sentence; the ledger keeps it.")
_DRY_RUN = Param(
    name="dry-run", kind="boolean", default="false",
    help="Say what would be decided, and change nothing anywhere. The exit is the same all the same.",
)  # fmt: skip
LEDGER = Permission(scope="contents", level="write", why="appends the decision to the branch mlci/ledger")

APPROVE = Command(
    name="approve",
    title="Ask the people whom policy names",
    summary="Work out how much is at risk, count who approved exactly this verdict, and set the required status.",
    description=(
        "The level of risk follows from what the change touches and from the verdict. An approval counts for the "
        "digests it was given for and for nobody else's model; those who made the change do not count. Nobody waits "
        "on a runner: each event counts anew and sets the status mlci/approval on the head of the change.",
    ),
    params=(
        Param(
            name="gate", kind="path",
            help="Evidence of the gate; left out, what the newest run of the gate left for the head of the change.",
        ),
        Param(
            name="change", kind="number",
            help="Number of the change; left out, the one that the event is about, and where it is about none, every "
            "open one.",
        ),
        Param(
            name="accept", kind="text",
            help="On a machine without a forge: the sha256 of the gate's evidence that you, by git's user.email, "
            "approve.",
        ),
        KEY,
        GATE_JOB,
        Param(
            name="evidence", kind="path", default=".mlci/evidence/approval.json",
            help="Where the evidence of the approval is written.",
        ),
        CONFIG,
        report("approve"),
        FORMAT,
        Param(
            name="status", kind="boolean", default="true",
            help="Whether mlci/approval is set as a status of the head of the change.",
        ),
        DRY_RUN,
    ),
    outputs=(
        *VERDICT,
        Output(name="approved", help="true or false: whether enough people agreed and nobody refused."),
        Output(name="tier", help="low, medium or high."),
        Output(name="evidence", help="sha256 of the evidence of the approval."),
    ),
    exits=(*_ALWAYS, Exit.UNDECIDED, Exit.APPROVAL, Exit.INTERRUPTED),
    extras=("gate",),
    permissions=(
        CONTENTS,
        Permission(scope="actions", level="read", why="reads the gate's evidence, and approvals of environments"),
        Permission(scope="pull-requests", level="read", why="reads reviews and comments"),
        Permission(scope="statuses", level="write", why="sets mlci/approval", optional=True),
    ),
)  # fmt: skip

PROMOTE = Command(
    name="promote",
    title="Promote a version to a stage",
    summary="Verify the chain of evidence, decide in the ledger, let the alias follow, and see that serving does.",
    description=(
        "Believes no status: verdict and approvals are worked out again from the evidence and the forge's records. "
        "The decision is an entry of the ledger that nobody else may have preceded; the alias of the registry is then "
        "set to what the ledger says. A run that was killed between the two is finished by whoever comes next.",
    ),
    params=(
        Param(
            name="version", kind="text",
            help="Version in the registry; left out, the newest one made from the very inputs of this commit.",
        ),
        Param(
            name="to", kind="text",
            help="Stage; left out, what validation.promote_on_pass names.",
        ),
        Param(
            name="adopt", kind="boolean", default="false",
            help="Whether an alias that was moved by hand is agreed to: the version it points at is taken.",
        ),
        _REASON,
        Param(
            name="evidence", kind="path", default=".mlci/evidence/promotion.json",
            help="Where the evidence of the promotion is written.",
        ),
        KEY,
        GATE_JOB,
        CONFIG,
        report("promote"),
        FORMAT,
        _DRY_RUN,
    ),
    outputs=(
        *VERDICT,
        Output(name="version", help="Version that the stage is at now."),
        Output(name="stage", help="The stage."),
        Output(name="promoted", help="true or false: whether the stage moved."),
        Output(name="ledger", help="sha256 of the decision's entry in the ledger; empty where nothing was decided."),
    ),
    exits=(*_ALWAYS, Exit.UNDECIDED, Exit.APPROVAL, Exit.PROMOTION, Exit.INTERRUPTED),
    extras=("gate",),
    permissions=(
        LEDGER,
        Permission(scope="actions", level="read", why="reads the gate's evidence, and approvals of environments"),
        Permission(scope="pull-requests", level="read", why="reads reviews and comments of the merged change"),
        Permission(scope="statuses", level="read", why="reads what the gate said when somebody approved"),
        Permission(scope="deployments", level="write", why="records the deployment", optional=True),
    ),
)  # fmt: skip

ROLLBACK = Command(
    name="rollback",
    title="Go back to the version before",
    summary="Promote the last approved and verified version of a stage again, from the ledger.",
    description=(
        "Nothing is judged: the version was approved and served before. Its evidence and its files are verified, and "
        "a version that was never seen to serve the stage is refused.",
    ),
    params=(
        Param(
            name="stage", kind="text", component="model-stage",
            help="Stage of the model; left out, the last one of promote.stages.",
        ),
        Param(name="to-version", kind="text", help="Version to go back to; left out, the one before."),
        Param(name="reason", kind="text", required=True, help="Why, as a sentence; the ledger keeps it."),
        Param(
            name="evidence", kind="path", default=".mlci/evidence/rollback.json",
            help="Where the evidence of the rollback is written.",
        ),
        CONFIG,
        report("rollback"),
        FORMAT,
        _DRY_RUN,
    ),
    outputs=(
        *VERDICT,
        Output(name="version", help="Version that the stage is at now."),
        Output(name="stage", help="The stage."),
        Output(name="ledger", help="sha256 of the decision's entry in the ledger; empty where nothing was decided."),
    ),
    exits=(*_ALWAYS, Exit.PROMOTION, Exit.INTERRUPTED),
    extras=("gate",),
    permissions=(
        LEDGER,
        Permission(scope="deployments", level="write", why="records the deployment", optional=True),
    ),
)  # fmt: skip

HISTORY = Command(
    name="history",
    title="What was in production, and why",
    summary="Say which version a stage was at, who approved it and on what evidence; or the figures of delivery.",
    description=(
        "Reads the ledger and nothing else. Days are in UTC.",
    ),
    params=(
        Param(name="stage", kind="text", help="Stage; left out, all."),
        Param(name="on", kind="text", help="Day or time, as 2026-12-31 or 2026-12-31T12:00:00Z; left out, all times."),
        Param(
            name="figures", kind="boolean", default="false",
            help="Whether deployment frequency, lead time, share rolled back, time to restore and cost are printed.",
        ),
        Param(name="model", kind="text", help="Name of the model; left out, that of the configuration."),
        CONFIG,
        PRINTED,
    ),
    exits=(*_ALWAYS, Exit.UNDECIDED, Exit.INTERRUPTED),
    at_hand=True,
)  # fmt: skip

VERIFY = Command(
    name="verify",
    title="Replay the record",
    summary="Check the chain of the ledger, every link of the evidence and the registry, and judge every verdict anew.",
    description=(
        "Says what held, what did not, and what is gone. Verdicts are replayed from the numbers in the evidence, and "
        "from predictions where the registry still has them.",
    ),
    params=(
        Param(name="model", kind="text", help="Name of the model; left out, that of the configuration."),
        Param(
            name="head", kind="text",
            help="sha256 of an entry that somebody remembers, such as from a deployment; the ledger must have it.",
        ),
        Param(
            name="registry", kind="boolean", default="true",
            help="Whether the registry is asked for the versions that the ledger names.",
        ),
        CONFIG,
        report("verify"),
        FORMAT,
    ),
    outputs=VERDICT,
    exits=(*_ALWAYS, Exit.UNDECIDED, Exit.INTERRUPTED),
    extras=("gate",),
    permissions=(Permission(scope="contents", level="read", why="reads the branch mlci/ledger"),),
)  # fmt: skip

SERVE = Command(
    name="serve",
    title="Serve the version of a stage",
    summary="Answer predictions over HTTP with the version that a stage is at, and follow it without a failed request.",
    description=(
        "Loads the model in your interpreter, answers /health, /ping, /version and /invocations, and asks the registry "
        "from time to time. A new version is loaded beside the old one and takes its place once it has answered. "
        "SIGTERM lets requests end first. There is no authentication: what the address reaches may ask.",
    ),
    params=(
        Param(name="stage", kind="text", default="production", help="The alias that is followed."),
        Param(name="host", kind="text", default="127.0.0.1", help="Address to listen at."),
        Param(name="port", kind="number", default="8080", help="Port to listen at; 0 takes a free one."),
        Param(name="every", kind="text", default="10s", help="How often the registry is asked; such as 10s or 1m."),
        Param(
            name="workers", kind="number", default="1",
            help="Processes that the model is loaded in; each answers one request at a time.",
        ),
        CONFIG,
    ),
    exits=(*_ALWAYS, Exit.COMMAND, Exit.INTERRUPTED),
    extras=("gate",),
    at_hand=True,
)  # fmt: skip

# The steps of a release, in the order of a pipeline.
RELEASE = (APPROVE, PROMOTE, ROLLBACK)
