"""What is checked before anything is trained: the code, and the data."""

from __future__ import annotations

from mlci.errors import Exit
from mlci.surface.command import Command, Output, Param, overrides
from mlci.surface.params import CONFIG, CONTENTS, FORMAT, PRINTED, TOUCHED, VERDICT, report

CODE_CI = Command(
    name="code-ci",
    title="Check the code",
    summary="Run the checks of the code side by side within a time budget, and scan the repository.",
    description=(
        "Runs the commands of code.checks, or those that the repository is set up for: ruff or flake8, mypy, pytest. "
        "They run on processors alone, as child processes without tokens; what still runs when the budget is spent is "
        "stopped, and the slowest is named.",
        "Nothing is trained, except by code.smoke on a part of the data, and nothing of that is kept.",
    ),
    params=(
        CONFIG,
        report("code-ci"),
        FORMAT,
        Param(
            name="only", kind="names",
            help="Checks to run, by name; left out, all of them. Scans have the names scan-models, scan-secrets and "
            "scan-dependencies, smoke training is called smoke.",
        ),
        overrides("code.budget"),
        overrides("code.jobs", name="jobs"),
        overrides("code.smoke", name="smoke"),
    ),
    outputs=(
        *VERDICT,
        Output(name="failed", help="Names of the checks that failed, separated by commas; empty where none did."),
        Output(name="slowest", help="Name of the check that took longest."),
        Output(name="seconds", help="Time that all checks took together."),
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.GATE, Exit.INTERRUPTED),
    permissions=(CONTENTS,),
)  # fmt: skip

DATA_CHECK = Command(
    name="data-check",
    title="Check the data",
    summary="Check the training data and the holdout before anything is trained, and say which data they are.",
    description=(
        "Holds the data to their contract, looks for drift against what production was trained on, for leaks into the "
        "holdout and for signs of tampering, and writes evidence for exactly these bytes.",
        "It needs no GPU and never holds more rows in memory than it is allowed.",
    ),
    params=(
        overrides("data.train.path", name="data"),
        overrides("data.train.contract", name="contract"),
        overrides("data.reference"),
        CONFIG,
        report("data-check"),
        Param(name="evidence", kind="path", default=".mlci/evidence/data.json", help="Where the evidence is written."),
        Param(
            name="quarantine", kind="path",
            help="Parquet file that every row which breaks a rule of the contract is written to; left out, none is.",
        ),
        FORMAT,
        TOUCHED,
        overrides("data.engine"),
        overrides("registry.uri", name="registry"),
    ),
    outputs=(
        *VERDICT,
        Output(name="evidence", help="sha256 of the evidence, in hexadecimal."),
        Output(name="digest", help="sha256 of the training data, in hexadecimal."),
        Output(name="changed", help="true or false: whether these are other bytes than production was trained on."),
        Output(name="new-rows", help="Rows that production was not trained on; empty where nobody can tell."),
    ),
    exits=(
        Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.DATA, Exit.INTERRUPTED,
    ),
    extras=("data",),
    permissions=(CONTENTS,),
)  # fmt: skip

DATA_PROFILE = Command(
    name="data-profile",
    title="Draft a contract",
    summary="Look at a dataset and draft the contract that it meets today, for a person to tighten.",
    description=(
        "What is drafted holds of these very data, with room: types, missing shares, ranges, categories, uniqueness, "
        "row count. Each rule is a suggestion with its reason beside it.",
    ),
    params=(
        overrides("data.train.path", name="data"),
        Param(name="output", kind="path", help="Where the contract is written; left out, it is printed."),
        Param(
            name="as", kind="choice", choices=("contract", "gx"), default="contract",
            help="As a contract of mlci's, or as a suite of Great Expectations (JSON).",
        ),
        Param(
            name="from-contract", kind="path",
            help="A contract to write out in the other form, instead of looking at data.",
        ),
        Param(name="force", kind="boolean", default="false", help="Whether a file that is there is overwritten."),
        CONFIG,
        PRINTED,
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.SERVICE, Exit.DATA, Exit.INTERRUPTED),
    extras=("data",),
    at_hand=True,
)  # fmt: skip

CHECKING = (CODE_CI, DATA_CHECK)
