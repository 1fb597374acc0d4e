"""The page of all components: an example, inputs, the token and what is left of each, in Markdown."""

from __future__ import annotations

from mlci import __version__
from mlci.surface import component_model as pipeline
from mlci.surface import component_release as release
from mlci.surface.component_inputs import ComponentInput
from mlci.surface.components import FOLDER, JOBS, Job, inputs
from mlci.surface.pin import PIN
from mlci.surface.pipeline import STEPS
from mlci.surface.reference import banner, table
from mlci.surface.spelling import spell

SOURCE = "mlci/surface/components.py"

_COMMON = f"""\
Each component is one file of `{FOLDER}/`. It is included by the address of its project on the same GitLab, its name and
a commit or a version. GitLab looks for components in that folder of a project and nowhere else, so a GitLab of your own
needs a mirror of this project, whose path then stands in the place of `mlci/mlci`.

All inputs but `tags`, `train-tags` and `rules` are texts: write `"0.01"` and `"true"` in quotes, and a list as lines.
One that is left out or empty is not given to the command. GitLab refuses an input that does not exist, and a value of
the wrong kind, before there is a pipeline. A `$` in an input is a `$`. Where a value has to come from a variable, set
the variable of the option itself, such as `MLCI_GATE_COMPARE_BASELINE_FROM`, in the settings of the project: it holds
before the input.

A job looks for Python 3.10 or newer in its image, or takes the interpreter that the variable `MLCI_PYTHON` names. Where
that has mlci {__version__}, the version of these components, it is used as it is. Otherwise the job makes an
environment of its own in the temporary folder and installs that version there, from PyPI or from where `PIP_INDEX_URL`
says, with the parts that the names of files show to be needed, such as Parquet; the input `extras` adds to these.

A job that is given a token takes nothing from `default:` of the pipeline but `interruptible` and `retry`, because a
`before_script` there may run code of the change. All else about a job can be said in a job of the same name in the
pipeline's own file.
"""

_MODEL = """\
The jobs are `mlci-plan`, `mlci-model`, `mlci-gate` and `mlci-conclude`. The one that trains runs code of the change and
is given no token; the one that judges is, and runs no code of the change. It also runs where training failed, so that
an earlier verdict does not stand as if it were about this commit. Where [plan](../plan.md) finds that the change does
not touch the model, both end at once.
"""

_RELEASE = """\
It stands beside `model` with `register: "true"`, in a pipeline with a stage `deploy`. The jobs are `mlci-approval`,
which counts who agreed in each pipeline of a merge request and in the schedule that looks at forks; `mlci-approve`,
which a person plays to agree, once; `mlci-staging`, which promotes what was merged to the stage that
`validation.promote_on_pass` names; and `mlci-production` and `mlci-rollback`, which a person starts in a pipeline of
the default branch. [The release path](../release.md) says who is trusted with what.
"""

# What the example of each step gives, without indentation.
_EXAMPLES = {
    "plan": "",
    "code-ci": "",
    "data-check": "",
    "model-ci": 'reuse-from: artifacts\nregister: "false"\n',
    "gate-compare": "candidate: predictions.csv\nbaseline-from: artifacts\n",
    "report": "gate-job: mlci-gate\nbaseline-from: artifacts\n",
    "approve": "",
    "promote": "to: staging\n",
    "rollback": "model-stage: production\n",
    "conclude": "expect: mlci-plan, mlci-model-ci, mlci-gate-compare\n",
}  # fmt: skip

_NOTES = {
    "plan": "A later job of the pipeline has its answer as the variable `MLCI_OUTPUT_PLAN_MODEL`.",
    "code-ci": (
        "It runs the checks of the repository in the interpreter of its image, so the image, or a `before_script` of "
        "the job, brings what they need."
    ),
    "data-check": (
        "What it leaves in `.mlci/evidence/data.json` is what `model-ci` asks for in a later stage before it trains."
    ),
    "model-ci": (
        "The folder `mlci-model` is what `gate-compare` takes as its `candidate` in a later stage. A registry's token "
        "belongs in `MLFLOW_TRACKING_TOKEN`, masked and protected, so that no merge request is given it. Where the "
        'model is a scoring command, production is that of its own commit: then the job needs `GIT_DEPTH: "0"` too.'
    ),
    "gate-compare": (
        "What it leaves in `mlci-keep` is where a later pipeline finds its baseline, by the name of the job, and "
        "`report` the numbers of a fork's change. With `exit-on-warn` a warn is orange: the job has `allow_failure` "
        "for exit 20."
    ),
    "report": (
        "It stands in a pipeline of the default branch that has the variable `MLCI_FORKS` with the value `true`, and "
        "checks nothing out."
    ),
    "approve": (
        "In a pipeline of a merge request it counts anew each time; a schedule of the default branch counts what was "
        "said since. While somebody has yet to agree the job is orange and `mlci/approval` holds the merge back."
    ),
    "promote": (
        "It stands in a pipeline of the default branch, after the jobs that train and judge. Of the jobs with one "
        "`resource-group` only one runs at a time."
    ),
    "rollback": (
        "It waits in each pipeline of the default branch for a person to start it, who gives the reason as the "
        "variable `MLCI_ROLLBACK_REASON`, and where it shall not be the version before, `MLCI_ROLLBACK_TO_VERSION`."
    ),
    "conclude": (
        "In the last stage it is red where a job that it expects failed, was skipped or is missing, which GitLab's own "
        "rule, *Pipelines must succeed*, does not see."
    ),
}  # fmt: skip

_TOKEN = (
    "It asks GitLab with `MLCI_TOKEN`, a project access token with the role Developer and the scope `api`, which it is "
    "given through the environment that the input `environment` names. `CI_JOB_TOKEN` may not do what it does."
)
_RELEASE_TOKEN = (
    "It asks GitLab with `MLCI_TOKEN`, a project access token with the role Developer and the scope `api` that may "
    "push to the branch `mlci/ledger`. The environment that the input `environment` names hands it over, protected, so "
    "that no pipeline of a merge request has it."
)
_NO_TOKEN = "It is given no token besides the `CI_JOB_TOKEN` that every job has."


def component_pages() -> dict[str, str]:
    """The page, by its name in the folder of the reference."""
    return {"components.md": _page()}


def components() -> str:
    """The README's table of components; GitLab's catalogue shows that page with each of them."""
    page = "docs/reference/components.md"
    about = (
        (pipeline.NAME, pipeline.ABOUT),
        (release.NAME, release.ABOUT),
        *((step.name, step.summary) for step in STEPS),
    )
    return table(("component", "what it does"), ((f"[`{name}`]({page}#{name})", text) for name, text in about))


def _page() -> str:
    parts = [
        f"{banner(SOURCE)}# Components\n",
        f"{_COMMON}\n## {pipeline.NAME}\n",
        f"{pipeline.ABOUT}\n",
        _MODEL,
        _example(pipeline.NAME, "setup: |\n  python -m pip install -r requirements.txt\n"),
        _inputs(pipeline.inputs()),
        f"## {release.NAME}\n",
        f"{release.ABOUT}\n",
        _RELEASE,
        _example(release.NAME, ""),
        _inputs(release.inputs()),
        *(part for step in STEPS for part in _step(JOBS[step.name])),
    ]
    return "\n".join(parts)


def _step(job: Job) -> list[str]:
    step = job.step
    return [
        f"## {step.name}\n",
        f"{step.summary}\n",
        *(f"{paragraph}\n" for paragraph in step.told("gitlab")),
        _example(step.name, _EXAMPLES[step.name]),
        f"{_NOTES[step.name]} {_token(job)}\n",
        _inputs(inputs(job)),
        _leaves(job),
    ]


def _token(job: Job) -> str:
    if job.releases:
        return _RELEASE_TOKEN
    return _TOKEN if job.secret else _NO_TOKEN


def _example(name: str, given: str) -> str:
    inside = "".join(f"      {line}\n" for line in given.splitlines())
    inputs = f"    inputs:\n{inside}" if given else ""
    return f"```yaml\ninclude:\n  - component: {PIN.component(name)}\n{inputs}```\n"


def _inputs(found: tuple[ComponentInput, ...]) -> str:
    return table(("input", "meaning", "left out"), ((f"`{one.name}`", one.description, _default(one)) for one in found))


def _default(one: ComponentInput) -> str:
    if one.type == "array":
        return "see there" if one.default else "none"
    return f"`{one.default}`" if one.default else "–"


def _leaves(job: Job) -> str:
    rows = [(f"`{path}`", "kept as an artifact") for path in (*job.leaves, job.files)]
    rows += [(f"`{job.shown(kind)}`", f"shown by GitLab: `reports:{kind}`") for kind in job.shows if kind != "dotenv"]
    if "dotenv" in job.shows:
        names = (f"MLCI_OUTPUT_{spell(job.step.name, 'upper')}_{spell(one.name, 'upper')}" for one in job.step.outputs)
        rows += [(f"`{name}`", "variable of later jobs") for name in names]
    return table(("left", "how"), rows)
