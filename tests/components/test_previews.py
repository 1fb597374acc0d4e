"""Every component, and every whole pipeline, as the runner puts it together. ``--update-golden`` rewrites the files.

Scripts are named and not shown: they are the same everywhere.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlci.surface.component_model import model_files
from mlci.surface.component_release import release_files
from mlci.surface.components import SETUP, START, component_files
from mlci.surface.pin import PIN

if TYPE_CHECKING:
    from local import Local

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("golden")
COMPONENTS = [Path(name).stem for name in (*component_files(), *model_files(), *release_files())]
PIPELINES = {path.name.removesuffix(".gitlab-ci.yml"): path for path in ROOT.glob("workflows-templates/gitlab/*.yml")}
_SCRIPTS = {str(START).rstrip(): "(start.sh)", str(SETUP).rstrip(): "(setup.sh)"}
# Inputs as a user may set them, besides none at all.
INPUTS: dict[str, dict[str, Any]] = {
    "gate-compare": {
        "candidate": "predictions.csv",
        "tolerance": "0.5 %",
        "slices": "region\nplan\n",
        "extras": "parquet",
        "tags": ["gpu"],
    },
    "conclude": {"expect": "mlci-plan, train", "job-name": "the end", "stage": "last"},
    "report": {"gate-job": "mlci-gate", "change": "7"},
    "promote": {"to": "production", "environment": "production", "environment-action": "start", "dry-run": "true"},
    "rollback": {"model-stage": "production", "stage": "last", "resource-group": "churn"},
    "model-ci": {"setup": "pip install .\n", "fetch": "dvc pull\n", "register": "false"},
    "data-check": {"contract": "contracts/train.yml", "engine": "gx", "fetch": "dvc pull\n"},
    "model": {"job-prefix": "churn", "register": "true", "train-image": "pytorch/pytorch", "check-code": "false"},
}


def written(preview: dict[str, Any]) -> str:
    """The pipeline for a reader, without what every job says at length."""
    for job in preview.values():
        if isinstance(job, dict) and "script" in job:
            job["script"] = [_SCRIPTS.get(line.rstrip(), line) for line in job["script"]]
    return yaml.safe_dump(preview, sort_keys=False, allow_unicode=True, width=120)


def check(name: str, text: str, update: bool) -> None:
    path = GOLDEN / f"{name}.yml"
    if update:
        path.write_text(text, encoding="utf-8")
        return
    assert path.exists(), f"{path.name} is missing: run pytest tests/components --update-golden and review it"
    kept = path.read_text(encoding="utf-8")
    assert text == kept, "\n".join(
        difflib.unified_diff(kept.splitlines(), text.splitlines(), "kept", "now", lineterm="")
    )


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_put_together_as_it_was_reviewed(
    local: Local, name: str, request: pytest.FixtureRequest
) -> None:
    for suffix, inputs in (("", {}), ("-with-inputs", INPUTS.get(name))):
        if inputs is not None:
            include = {"component": PIN.component(name).split(" ")[0], "inputs": inputs}
            pipeline = {"stages": [".pre", "test", "deploy", "last", ".post"], "include": [include]}
            found = local.preview(local.consumer({".gitlab-ci.yml": yaml.safe_dump(pipeline)}))
            check(f"{name}{suffix}", written(found), request.config.getoption("--update-golden"))


@pytest.mark.parametrize("name", PIPELINES)
def test_a_whole_pipeline_is_put_together_as_it_was_reviewed(
    local: Local, name: str, request: pytest.FixtureRequest
) -> None:
    found = local.preview(local.consumer({".gitlab-ci.yml": PIPELINES[name].read_text()}))

    check(f"pipeline-{name}", written(found), request.config.getoption("--update-golden"))


def test_the_projects_own_pipeline_is_put_together_as_it_was_reviewed(
    local: Local, request: pytest.FixtureRequest
) -> None:
    # Its components are those of the very commit.
    files = {
        ".gitlab-ci.yml": (ROOT / ".gitlab-ci.yml").read_text(),
        **component_files(),
        **model_files(),
        **release_files(),
    }

    check("pipeline-own", written(local.preview(local.consumer(files))), request.config.getoption("--update-golden"))


def test_no_golden_file_is_left_over() -> None:
    whole = {f"pipeline-{name}" for name in (*PIPELINES, "own")}
    expected = {*COMPONENTS, *(f"{name}-with-inputs" for name in INPUTS), *whole}

    assert {path.stem for path in GOLDEN.iterdir()} == expected
