"""The page beside each action: an example, its inputs, outputs, permissions and exits, in Markdown."""

from __future__ import annotations

from mlci.surface.actions import FOLDER, SOURCE, TOKEN, WORKING_DIRECTORY, as_inputs, explained, inputs
from mlci.surface.catalog import ACTED
from mlci.surface.command import Command, Permission
from mlci.surface.pin import PIN
from mlci.surface.pipeline import STEPS
from mlci.surface.reference import banner, exits, outputs, table

_CHECKOUT = (
    "- uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1\n"
    "  with:\n"
    "    persist-credentials: false\n"
)

# The steps before ours in the example of each step.
_BEFORE = {
    "plan": _CHECKOUT,
    "code-ci": f"{_CHECKOUT}- run: python -m pip install -r requirements.txt # your own: what the checks need\n",
    "data-check": _CHECKOUT,
    "model-ci": f"{_CHECKOUT}- run: python -m pip install -r requirements.txt # your own: what training needs\n",
    "promote": _CHECKOUT,
    "rollback": _CHECKOUT,
    "gate-compare": f"{_CHECKOUT}- run: python score.py # your own: writes the candidate's predictions\n",
}

# What follows `uses:` in the example of each step, without indentation.
_EXAMPLES = {
    "plan": "id: plan\n",
    "code-ci": "",
    "data-check": "id: data\n",
    "model-ci": "id: model\nwith:\n  reuse-from: artifacts\n  register: false\n",
    "gate-compare": "id: gate\nwith:\n  candidate: candidate.csv\n  baseline-from: artifacts\n",
    "report": "",
    "approve": "",
    "promote": "id: promote\nwith:\n  to: staging\n",
    "rollback": "with:\n  stage: production\n  reason: ${{ inputs.reason }}\n",
    "conclude": "with:\n  needs: ${{ toJSON(needs) }}\n",
}

# The steps after ours.
_AFTER = {
    "model-ci": (
        "- uses: actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1\n"
        "  with:\n"
        "    name: ${{ steps.model.outputs.artifact }}\n"
        "    path: ${{ steps.model.outputs.keep }}\n"
        "    if-no-files-found: error\n"
        "    overwrite: true\n"
    ),
    "gate-compare": (
        "- if: always() && steps.gate.outputs.artifact != ''\n"
        "  uses: actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1\n"
        "  with:\n"
        "    name: ${{ steps.gate.outputs.artifact }}\n"
        "    path: ${{ steps.gate.outputs.keep }}\n"
        "    overwrite: true\n"
    ),
}

# What else the job of the step needs, below its name.
_JOBS = {
    "plan": "outputs:\n  model: ${{ steps.plan.outputs.model }}\n",
    "conclude": "if: always()\nneeds: [plan, gate]\n",
    "report": "if: github.event.workflow_run.event == 'pull_request'\n",
}

_NOTES = {
    "data-check": (
        "What it leaves in `.mlci/evidence/data.json` is what `model-ci` asks for before it trains; where that runs in "
        "another job, upload it here and download it there."
    ),
    "model-ci": (
        "The gate reads what the last step uploads: download it in the next job and give its folder to `gate-compare` "
        "as `candidate`. With a registry server, leave `register` out and hand its credentials over by `env`."
    ),
    "gate-compare": (
        "What the last step uploads is where the next run finds its baseline, and `report` the numbers of a fork's "
        "change."
    ),
    "conclude": "Require this job, by its name, in the ruleset of the branch; `mlci doctor` says whether it is.",
    "approve": (
        "It stands in a workflow of the default branch that `workflow_run` and `issue_comment` start, so that no "
        "change says who may approve it."
    ),
    "promote": "It stands in a workflow of the default branch, after the jobs that train and judge.",
    "rollback": "It stands in a workflow that `workflow_dispatch` starts, with the reason as its input.",
    "report": (
        "It stands in a workflow of the default branch that `workflow_run` starts, and checks out nothing of a change."
    ),
}

_COMMON = """\
An input that is left out or empty is not given; a variable that the job sets for the same option does not reach the
step. An input that the action does not have is only a warning to GitHub.

The step runs in an environment of its own below `RUNNER_TEMP`; the job's Python, its PATH and the action's folder stay
as they are. Where mlci is installed on the runner in the same version, or `MLCI_PYTHON` names an interpreter that has
its packages, nothing is downloaded. `MLCI_EXTRAS: parquet` adds what the names of the files do not show to be needed,
`MLCI_EXTRAS: sign` what checks the signatures of `promote.signers`.
"""


def action_pages() -> dict[str, str]:
    """Every page, by its path from the root of the repository."""
    pages = {f"{FOLDER}/{command.name}/README.md": page(command) for command in STEPS}
    return {f"{FOLDER}/README.md": index(), **pages}


def page(command: Command) -> str:
    """The README of one step's action."""
    parts = [
        f"{banner(SOURCE)}# {command.name}\n",
        f"{command.summary}\n",
        *(f"{paragraph}\n" for paragraph in command.told("github")),
        f"```yaml\n{_example(command)}```\n",
        *([f"{_NOTES[command.name]}\n"] if command.name in _NOTES else []),
        f"## Inputs\n\n{table(('input', 'meaning'), _inputs(command))}",
        _COMMON,
        f"## Outputs\n\n{outputs(command)}",
        f"## Permissions\n\n{_permissions(command)}",
        f"## Exits\n\n{exits(command.exits)}",
    ]
    return "\n".join(parts)


def index() -> str:
    """The README of the folder of all actions."""
    rows = ((f"[`{command.name}`]({command.name}/README.md)", command.summary) for command in STEPS)
    others = ", ".join(f"`{command.name}`" for command in ACTED if command not in STEPS)
    return (
        f"{banner(SOURCE)}# Actions\n\n{table(('action', 'what it does'), rows)}\n"
        f"The action at the root of the repository runs any command, {others} included: its input `command` says "
        "which, and its other inputs are those of all commands. An input that the command does not have is an error.\n"
        f"\n```yaml\nsteps:\n  - uses: {PIN.uses('')}\n    with:\n      command: doctor\n```\n"
    )


def _example(command: Command) -> str:
    job = _indented(f"runs-on: ubuntu-latest\n{_JOBS.get(command.name, '')}{_job_permissions(command)}", 4)
    ours = f"- uses: {PIN.uses(f'{FOLDER}/{command.name}')}\n{_indented(_EXAMPLES[command.name], 2)}"
    steps = f"{_BEFORE.get(command.name, '')}{ours}{_AFTER.get(command.name, '')}"
    return f"jobs:\n  {command.name}:\n{job}    steps:\n{_indented(steps, 6)}"


def _indented(text: str, width: int) -> str:
    return "".join(f"{' ' * width}{line}\n" for line in text.splitlines())


def _job_permissions(command: Command) -> str:
    if not command.permissions:
        return "permissions: {}\n"
    asked = [one for one in command.permissions if not _rare(command, one)]
    return "permissions:\n" + "".join(f"  {one.scope}: {one.level} # {as_inputs(one.why)}\n" for one in asked)


def _rare(command: Command, permission: Permission) -> bool:
    """Whether the permission is needed for something that the example does not ask for."""
    if permission.asked_by is None:
        return False
    parameter, default, asking = permission.asked_by
    return default != asking and f"{parameter}: {asking}\n" not in _EXAMPLES[command.name]


def _permissions(command: Command) -> str:
    if not command.permissions:
        return "The step asks nothing of the forge and needs no permission.\n"
    rows = (
        (
            f"`{one.scope}: {one.level}`",
            as_inputs(one.why),
            "same verdict and exit" if one.optional else "the step fails",
        )
        for one in command.permissions
    )
    return table(("permission", "what for", "without it"), rows)


def _inputs(command: Command) -> list[tuple[str, str]]:
    rows = [(f"`{one.name}`", explained(one.param)) for one in inputs(command)]
    rows.append(("`working-directory`", WORKING_DIRECTORY))
    if command.permissions:
        rows.append(("`token`", TOKEN))
    return rows
