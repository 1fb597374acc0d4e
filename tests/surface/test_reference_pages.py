"""The generated pages, read as a reader reads them: tables that hold together and links that lead somewhere."""

from __future__ import annotations

import re

import pytest

from mlci.config.model import Config
from mlci.config.shape import shape_at
from mlci.errors import Exit, catalogue
from mlci.surface import reference
from mlci.surface.catalog import command_named
from mlci.surface.command import Param, overrides
from mlci.surface.generate import files, with_blocks
from mlci.surface.machine import CONFIG_EXPLAIN
from mlci.surface.pipeline import GATE_COMPARE

PAGES = {name: text for name, text in files().items() if name.endswith(".md")}


def tables(text: str) -> list[list[list[str]]]:
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [[[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()] for table in found]


def section(text: str, title: str) -> str:
    _, _, rest = text.partition(f"\n## {title}\n")
    assert rest, f"there is no section {title}"
    return rest.partition("\n## ")[0]


def row(page: str, title: str, key: str) -> list[str]:
    (only,) = [line for line in tables(section(page, title))[0] if line[0] == f"`{key}`"]
    return only


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    assert tables(PAGES[name])
    for head, line, *rows in tables(PAGES[name]):
        assert set(line) == {"---"}
        assert rows
        assert {len(one) for one in rows} == {len(head)}
        assert all(cell for one in rows for cell in one), "no cell is empty"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_no_heading_and_no_first_cell_of_a_table_stands_twice(name: str) -> None:
    headings = re.findall(r"^#+ .*$", PAGES[name], re.MULTILINE)

    assert len(set(headings)) == len(headings)
    for _, _, *rows in tables(PAGES[name]):
        assert len({one[0] for one in rows}) == len(rows)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_code_is_closed_on_every_line_and_nothing_of_python_shows(name: str) -> None:
    page = re.sub(r"^```yaml\n(?:(?!```).*\n)*```$", "", PAGES[name], flags=re.MULTILINE)
    prose = re.sub(r"`[^`\n]*`", "", page)

    assert "```" not in page
    assert not re.search(r"\b(None|True|False|Tolerance\(|Duration\(|<class)", prose)
    for line in (line for line in PAGES[name].splitlines() if line.startswith("|")):
        assert line.count("`") % 2 == 0


@pytest.mark.parametrize(
    ("title", "key", "kind", "default"),
    [
        ("Top level", "train", "block", "–"),
        ("Top level", "model", "text, letters, digits, '.', '_' and '-', starting with a letter or a digit", "–"),
        ("code", "budget", "time", "`5m`"),
        ("code", "checks", "text by check", "–"),
        ("train", "seed", "whole number, between 0 and 4294967295", "`0`"),
        ("train", "device", "one of `auto`, `cpu`, `gpu`", "`auto`"),
        ("train", "timeout", "time", "`2h`"),
        ("train.profiles.<profile>", "sample", "number, between 0 and 1", "`1.0`"),
        ("data.drift", "psi", "number, at least 0", "`0.02`"),
        ("evaluate", "slices", "list of texts", "–"),
        ("evaluate", "target", "text", "–"),
        ("validation", "confidence", "number, strictly between 0.5 and 0.9999", "`0.95`"),
        ("validation", "tolerance", "number or percentage", "–"),
        ("validation", "metrics", "block by metric, or a list of names", "–"),
        ("validation", "fairness", "block by measure", "–"),
        ("validation", "require_predictions", "true or false", "`false`"),
        ("validation", "notify_on_fail", "list of blocks", "–"),
        ("validation.metrics.<metric>", "min", "number", "–"),
        ("validation.on_inconclusive", "merge", "one of `pass`, `warn`, `approve`, `fail`", "`warn`"),
        ("approval.low", "approvals", "whole number, between 0 and 20", "`0`"),
        ("approval.medium", "approvals", "whole number, between 0 and 20", "`1`"),
        ("approval.high", "approvals", "whole number, between 0 and 20", "`2`"),
        ("approval.high", "from", "list of texts", "–"),
        ("promote", "stages", "list of texts", '`["dev", "staging", "production"]`'),
        ("promote", "require", "list of texts by stage", "–"),
        ("monitor.on_trigger", "action", "`retrain`", "–"),
    ],
)
def test_a_key_is_listed_with_its_type_and_default(title: str, key: str, kind: str, default: str) -> None:
    assert row(reference.configuration(), title, key)[1:3] == [kind, default]


@pytest.mark.parametrize(
    ("title", "note"),
    [
        ("train", "Main key: `command`."),
        ("registry", "Main key: `uri`."),
        ("validation.on_inconclusive", "Main key: `merge` and `promote`."),
        ("validation.metrics.<metric>", "Main key: `tolerance`."),
        ("validation", "`min_<metric>` and `max_<metric>` are short for `metrics: {<metric>: {min: …}}` and"),
    ],
)
def test_a_block_that_has_a_short_way_says_so(title: str, note: str) -> None:
    assert section(reference.configuration(), title).lstrip().startswith(note)


@pytest.mark.parametrize("title", ["data", "data.drift", "approval", "promote", "Top level"])
def test_a_block_without_a_short_way_promises_none(title: str) -> None:
    assert section(reference.configuration(), title).lstrip().startswith("| key |")


def test_an_example_is_shown_where_there_is_one() -> None:
    assert row(reference.configuration(), "train", "command")[-1].endswith("Example: `python train.py`.")
    assert "Example" not in row(reference.configuration(), "train", "python")[-1]


@pytest.mark.parametrize(
    ("title", "key", "whose"),
    [
        ("Top level", "validation", "`base`"),
        ("Top level", "code", "`base` and `head`"),
        ("code", "checks", "`head`"),
        ("code.scan", "ignore", "`base`"),
        ("Top level", "train", "`base` and `head`"),
        ("train", "seeds", "`base`"),
        ("train", "seed", "`head`"),
        ("Top level", "data", "`base` and `head`"),
        ("data.train", "path", "`head`"),
        ("data.train", "contract", "`base`"),
        ("data.holdout", "path", "`base`"),
        ("train.profiles.<profile>", "sample", "`head`"),
        ("validation.metrics.<metric>", "min", "`base`"),
    ],
)
def test_a_key_says_who_decides_it_on_a_change(title: str, key: str, whose: str) -> None:
    assert row(reference.configuration(), title, key)[3] == whose


def test_an_option_is_listed_with_what_it_takes() -> None:
    page = reference.command_line()

    assert row(page, "gate-compare", "--candidate")[1:3] == ["`MLCI_GATE_COMPARE_CANDIDATE`", "–"]
    assert row(page, "gate-compare", "--candidate")[3].endswith(" Required, unless `--version` is given.")
    assert row(page, "gate-compare", "--on-inconclusive")[2] == "`validation.on_inconclusive`"
    assert row(page, "gate-compare", "--format")[3].endswith(
        "One of `text`, `markdown`, `json`, `html`. Default `text`."
    )
    assert "Required" not in row(page, "gate-compare", "--baseline")[3]


def test_a_command_lists_its_exits_and_no_others() -> None:
    page = reference.command_line()

    for command in (GATE_COMPARE, CONFIG_EXPLAIN):
        (exits,) = [table for table in tables(section(page, command.name)) if table[0][0] == "exit"]
        assert [int(one[0]) for one in exits[2:]] == [int(code) for code in command.exits]


def test_only_a_command_that_needs_more_than_the_core_asks_for_it() -> None:
    page = reference.command_line()

    assert 'Needs `pip install "mlci[gate]"`.' in section(page, "gate-compare")
    assert "| `contents: read` | reads mlci.yml of the branch to merge to |" in section(page, "gate-compare")
    assert "| permission |" in section(page, "gate-compare")
    assert "pip install" not in section(page, "config explain")
    assert "| permission |" not in section(page, "config explain")
    assert "| output |" not in section(page, "config explain")


def test_every_error_can_be_linked_to_by_its_id_once() -> None:
    anchors = re.findall(r'<a id="([^"]+)"></a>', reference.errors())

    assert anchors == [kind.id.lower() for kind in catalogue()]
    assert len(set(anchors)) == len(anchors)


def test_the_table_of_exits_is_in_the_order_of_the_codes() -> None:
    (table,) = tables(reference.exits())

    assert [int(one[0]) for one in table[2:]] == sorted(int(code) for code in Exit)


def test_every_link_of_the_table_of_commands_leads_to_a_heading() -> None:
    links = re.findall(r"\]\(([^)#]+)#([^)]+)\)", reference.commands())

    assert links
    for page, anchor in links:
        headings = re.findall(r"^## (.*)$", PAGES[page], re.MULTILINE)
        assert anchor in {heading.replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("text", ["# mlci\n", "# mlci", "# mlci\n\n\n", ""])
def test_bringing_a_readme_up_to_date_twice_changes_nothing_more(text: str) -> None:
    once = with_blocks(text)

    assert with_blocks(once) == once
    assert once.startswith(text.rstrip())
    assert once.count("<!-- end -->") == once.count("<!-- generated: ") == 3


def test_text_between_and_after_the_blocks_of_a_readme_stays() -> None:
    first, _, second = with_blocks("# mlci\n").partition("\n\n<!-- generated: exits -->")
    text = f"{first}\n\nBetween.\n\n<!-- generated: exits -->{second}\nAfter.\n"

    assert with_blocks(text) == text


# The catalogue behind the pages


def test_a_parameter_of_a_key_knows_the_shape_of_the_key() -> None:
    assert overrides("validation.confidence").shape is shape_at(Config, "validation.confidence")
    with pytest.raises(TypeError, match="--config overrides nothing"):
        _ = Param(name="config", kind="path", help="x").shape


def test_a_parameter_can_have_another_name_and_a_note() -> None:
    param = overrides("evaluate.id", name="row", note="Only here.")

    assert (param.flag, param.overrides) == ("--row", "evaluate.id")
    assert param.help.endswith(". Only here.")


def test_a_command_is_found_by_its_whole_name_only() -> None:
    assert command_named("config explain") is CONFIG_EXPLAIN
    with pytest.raises(StopIteration):
        command_named("config")
