"""The commit that examples name is said once, and one command writes it everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlci import __version__
from mlci.surface import __main__ as program
from mlci.surface.pin import PIN, Pin, repin, repinned

ROOT = Path(__file__).parents[2]
OLD, NEW = "0" * 40, "0123456789abcdef0123456789abcdef01234567"
OURS = f"uses: mlci/mlci/actions/plan@{OLD} # v0.0.9\n"


def test_what_a_workflow_writes_is_the_full_commit_with_its_version() -> None:
    assert PIN.uses("actions/plan") == f"mlci/mlci/actions/plan@{PIN.sha} # v{PIN.version}"
    assert Pin(NEW, "1.2.3").uses("") == f"mlci/mlci@{NEW} # v1.2.3"
    assert Pin(NEW, "1.2.3").component("plan") == f"$CI_SERVER_FQDN/mlci/mlci/plan@{NEW} # v1.2.3"
    assert PIN.version == __version__


@pytest.mark.parametrize("path", ["", "/actions/gate-compare", "/.github/workflows/gate.yml"])
def test_every_use_of_ours_is_pinned_anew(path: str) -> None:
    assert (
        repinned(f"uses: mlci/mlci{path}@{OLD} # v0.0.9", Pin(NEW, "1.0.0")) == f"uses: mlci/mlci{path}@{NEW} # v1.0.0"
    )


def test_a_component_is_pinned_anew_like_an_action() -> None:
    text = "include:\n  - component: {}\n"

    assert repinned(text.format(Pin(OLD, "0.0.9").component("model")), Pin(NEW, "1.0.0")) == text.format(
        f"$CI_SERVER_FQDN/mlci/mlci/model@{NEW} # v1.0.0"
    )


@pytest.mark.parametrize(
    "text", [f"actions/checkout@{OLD} # v7.0.1", "mlci/mlci/actions/plan@v1 # v1.0.0", f"sha: {OLD}"]
)
def test_what_is_not_ours_or_names_no_commit_is_left_alone(text: str) -> None:
    assert repinned(text, Pin(NEW, "1.0.0")) == text


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    places = (
        "README.md",
        "docs/page.md",
        "examples/a/ci.yml",
        "workflows-templates/github/a.yml",
        "workflows-templates/gitlab/a.gitlab-ci.yml",
        ".github/workflows/a.yml",
    )
    for name in (*places, "mlci/surface/pin.py", "docs/data.csv", "tests/a.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(OURS)
    (tmp_path / "mlci/surface/pin.py").write_bytes((ROOT / "mlci/surface/pin.py").read_bytes())
    return tmp_path


def test_one_command_pins_the_constant_and_everything_written_by_hand(tree: Path) -> None:
    done = repin(tree, NEW)

    assert f'PIN = Pin(sha="{NEW}", version="{__version__}")\n' in (tree / "mlci/surface/pin.py").read_text()
    assert (tree / ".github/workflows/a.yml").read_text() == f"uses: mlci/mlci/actions/plan@{NEW} # v{__version__}\n"
    assert len(done) == 7
    assert (tree / "tests/a.yml").read_text() == (tree / "docs/data.csv").read_text() == OURS
    assert repin(tree, NEW) == []


@pytest.mark.parametrize("sha", ["", "0" * 39, "0" * 41, "v1", NEW.upper(), f"{NEW}\n", "g" * 40])
def test_what_is_no_full_commit_changes_nothing(
    tree: Path, sha: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tree)

    assert program.main(["pin", sha]) == 2
    assert "40 hexadecimal digits" in capsys.readouterr().err
    assert (tree / "README.md").read_text() == OURS


def test_the_program_says_what_it_pinned_and_what_to_do_next(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tree)

    assert program.main(["pin", NEW]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "pinned README.md" in printed
    assert printed[-1] == "now run python -m mlci.surface generate"
    assert program.main(["pin"]) == 2
