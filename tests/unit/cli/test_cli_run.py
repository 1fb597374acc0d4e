"""run belongs on a developer's machine, whatever else a runner says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlci.cli.main import run


@pytest.mark.parametrize(
    "environ",
    [
        {"GITLAB_CI": "true"},
        # Nobody answers there, and nobody has to.
        {
            "GITLAB_CI": "true", "CI_API_V4_URL": "http://127.0.0.1:1/api/v4", "CI_JOB_TOKEN": "x",
            "CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_PROJECT_ID": "abc",
        },
        {"GITHUB_ACTIONS": "true"},
    ],
)  # fmt: skip
def test_a_pipeline_is_refused_before_anything_of_it_is_looked_at(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mlci.yml").write_text("model: churn\n")
    assert run(["run"], environ) == 2
    said = capsys.readouterr().err
    assert "mlci run is for a developer's machine" in said
    assert "in a pipeline use model-ci and gate-compare" in said
