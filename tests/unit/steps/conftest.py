"""The whole command, as a fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commanding import Judge, Result, as_csv

from mlci.cli.main import run


@pytest.fixture(name="judge")
def _judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    """Write both files, run gate-compare, and read the report that it leaves."""
    monkeypatch.chdir(tmp_path)

    def judge(candidate: Any, baseline: Any, *flags: str, on_inconclusive: str = "approve") -> Result:
        paths = []
        for name, content in (("candidate", candidate), ("production", baseline)):
            if content is None:
                continue
            text = content if isinstance(content, (str, bytes)) else as_csv(content)
            ending = "json" if isinstance(content, str) and content.startswith("{") else "csv"
            path = tmp_path / f"{name}.{ending}"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            paths += ["--candidate" if name == "candidate" else "--baseline", path.name]
        code = run(["gate-compare", *paths, "--on-inconclusive", on_inconclusive, *flags], {})
        file = tmp_path / ".mlci/report/gate-compare.json"
        result = Result(code, json.loads(file.read_text()) if file.exists() else None, capsys.readouterr().err)
        assert code != 1, result.said
        return result

    return judge
