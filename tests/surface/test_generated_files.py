"""Generated files are up to date, and the check notices when they are not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlci.surface import __main__ as program
from mlci.surface.actions import FOLDER as ACTIONS
from mlci.surface.components import FOLDER as COMPONENTS
from mlci.surface.generate import FIX, FOLDER, check, files, with_blocks, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def test_the_generated_files_of_this_repository_are_up_to_date() -> None:
    assert "".join(check(ROOT)) == "", f"to fix: {FIX}"


def test_a_fresh_tree_is_up_to_date(tree: Path) -> None:
    assert check(tree) == []
    assert write(tree) == []


def test_a_change_by_hand_is_shown_as_a_difference(tree: Path) -> None:
    page = tree / FOLDER / "errors.md"
    page.write_text(page.read_text().replace("C001", "C999"))
    (difference,) = check(tree)

    assert '-| <a id="c001"></a>C999' in difference
    assert '+| <a id="c001"></a>C001' in difference


def test_every_missing_file_is_listed(tree: Path) -> None:
    for name in files():
        (tree / name).unlink()

    assert check(tree) == [f"missing: {name}\n" for name in files()]


def test_a_file_that_nothing_generates_is_an_orphan(tree: Path) -> None:
    orphan = tree / FOLDER / "old" / "page.md"
    orphan.parent.mkdir()
    orphan.write_text("left behind")

    assert check(tree) == [f"orphaned: {FOLDER}/old/page.md\n"]
    assert write(tree) == [f"removed {FOLDER}/old/page.md"]
    assert check(tree) == []


def test_an_action_of_a_step_that_is_gone_is_an_orphan_and_what_is_written_by_hand_is_not(tree: Path) -> None:
    for name in ("old-step/action.yml", "plan/extra.sh", "start.sh", "locks/core.txt", "__pycache__/start.pyc"):
        (tree / ACTIONS / name).parent.mkdir(exist_ok=True)
        (tree / ACTIONS / name).write_text("left behind")

    assert check(tree) == [f"orphaned: {ACTIONS}/old-step/action.yml\n", f"orphaned: {ACTIONS}/plan/extra.sh\n"]


def test_whatever_else_lies_among_the_components_is_an_orphan(tree: Path) -> None:
    for name in ("mine.yml", "plan/template.yml"):
        (tree / COMPONENTS / name).parent.mkdir(exist_ok=True)
        (tree / COMPONENTS / name).write_text("written by hand")

    assert check(tree) == [f"orphaned: {COMPONENTS}/mine.yml\n", f"orphaned: {COMPONENTS}/plan/template.yml\n"]


def test_other_line_endings_are_a_difference(tree: Path) -> None:
    page = tree / FOLDER / "errors.md"
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))

    assert check(tree) != []


def test_a_changed_block_of_the_readme_is_shown_and_the_rest_is_not_touched(tree: Path) -> None:
    readme = tree / "README.md"
    text = "# A title\n\nProse before.\n\n" + readme.read_text().partition("\n\n")[2] + "\nProse after.\n"
    readme.write_text(text.replace("| 130 | interrupted |", "| 130 | stopped |"))
    (difference,) = check(tree)

    assert "+| 130 | interrupted |" in difference
    write(tree)
    assert readme.read_text() == text


def test_a_block_that_the_readme_lacks_is_added() -> None:
    assert "<!-- generated: exits -->" in with_blocks("# mlci\n")
    assert with_blocks(with_blocks("# mlci\n")) == with_blocks("# mlci\n")


@pytest.mark.parametrize("name", sorted(files()))
def test_generated_text_is_the_same_everywhere(name: str) -> None:
    text = files()[name]

    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    assert str(ROOT) not in text
    assert FIX in text, "the banner names the command"
    assert "generated from mlci/" in text


@pytest.mark.parametrize("name", [name for name in sorted(files()) if name.endswith(".json")])
def test_a_generated_schema_has_its_address_and_is_json(name: str) -> None:
    schema = json.loads(files()[name])

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/schemas/{Path(name).name}")


def test_the_program_checks_writes_and_refuses_what_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert program.main(["generate", "--check"]) == 1
    assert f"to fix: {FIX}" in capsys.readouterr().out
    assert program.main(["generate"]) == 0
    assert program.main(["generate", "--check"]) == 0
    assert program.main([]) == program.main(["generate", "--chekc"]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_changed_limit_in_the_model_would_change_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlci.config.model import Config
    from mlci.config.shape import shape_at

    before = files()[f"{FOLDER}/mlci.schema.json"]
    shape = shape_at(Config, "train.seed")
    monkeypatch.setitem(shape.key.__dict__, "maximum", 7)

    assert files()[f"{FOLDER}/mlci.schema.json"] != before


def test_the_check_of_a_copy_finds_nothing(tmp_path: Path) -> None:
    for name in (FOLDER, ACTIONS, COMPONENTS):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("README.md", "action.yml", "action-types.yml"):
        shutil.copy(ROOT / name, tmp_path / name)

    assert check(tmp_path) == []
