"""The lines that init prints for a pipeline that is there already, put together with it by a real runner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlci.cli.main import run

if TYPE_CHECKING:
    from local import Local

# A pipeline of a team's that has stages of its own.
OWN = "stages: [build, ship]\n\nbuild:\n  stage: build\n  script: [make]\n"


def test_the_lines_fit_a_pipeline_that_has_no_stage_test(
    local: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "churn"
    folder.mkdir()
    for name, text in {
        "train.py": "MLCI_TRAIN_OUTPUT",
        "train.csv": "age,churned\n1,0\n",
        "holdout.csv": "age,churned\n1,0\n",
        "requirements.txt": "scikit-learn\n",
        ".gitlab-ci.yml": OWN,
    }.items():
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)

    assert run(["init", "--yes", "--target", "churned", "--forge", "gitlab"], {}) == 0

    told = capsys.readouterr().out.partition("These lines go into it:\n")[2]
    lines = "".join(line[4:] + "\n" for line in told.partition("\nA merge request")[0].splitlines())
    found = local.preview(local.consumer({".gitlab-ci.yml": f"{OWN}\n{lines}"}))
    stages = {name: job["stage"] for name, job in found.items() if isinstance(job, dict) and "script" in job}
    assert stages == {
        "build": "build", "mlci-plan": "ship", "mlci-code": "ship", "mlci-data": "ship", "mlci-model": "ship",
        "mlci-gate": "ship", "mlci-conclude": "ship",
    }  # fmt: skip
