"""The examples, as complete repositories of a user's: trained for real, twice, with the same model both times."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chain import Repository

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("example", "package"), [("randhie", "sklearn"), ("digits", "torch")])
def test_the_same_commit_data_and_seed_give_the_very_same_model(example: str, package: str, tmp_path: Path) -> None:
    pytest.importorskip(package) if os.environ.get("CI") != "true" else None
    shutil.copytree(EXAMPLES / example, tmp_path / example, ignore=shutil.ignore_patterns("data", ".*", "mlci-*"))
    found = Repository(tmp_path / example, tmp_path / example)
    subprocess.run([sys.executable, "prepare.py"], cwd=found.folder, check=True)
    found.git("init", "-q", "-b", "main")
    found.commit("the example")

    assert found.mlci("run") == 0
    first = found.evidence("model")
    shutil.rmtree(found.folder / ".mlci" / "models")
    assert found.mlci("model-ci", "--reuse", "false") == 0

    second = found.evidence("model")
    assert second["artifact"] == first["artifact"]
    assert second["predictions"]["fingerprint"] == first["predictions"]["fingerprint"]
    [again] = [each for each in found.report("model-ci")["findings"] if each["id"] == "model:again"]
    assert "the very same model (version 1 in the registry)" in again["message"]
    assert found.report("gate-compare")["verdict"] == "warn", "nothing to compare with yet"
