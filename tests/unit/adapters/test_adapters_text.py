"""CSV and JSON Lines as people and programs really write them, and as nobody should."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mlci.adapters.tables import open_table
from mlci.errors import BadValue, ColumnMissing, FileMissing, MlciError, NoExamples, Unreadable, UsageError
from mlci.ports import Table, Texts


def table(folder: Path, content: str | bytes, ending: str = "csv") -> Table:
    file = folder / f"predictions.{ending}"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_table(str(file))


def words(texts: Texts) -> list[str | None]:
    return [None if code < 0 else texts.values[code] for code in texts.codes]


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


SAME = "id,y,pred\na,1,0.5\nb,0,0.25\n"


@pytest.mark.parametrize(("ending", "content"), [
    ("csv", SAME),
    ("csv", "\ufeff" + SAME),
    ("csv", SAME.replace(",", ";")),
    ("tsv", SAME.replace(",", "\t")),
    ("CSV", SAME),
    ("csv", SAME.replace("\n", "\r\n")),
    ("csv", SAME.removesuffix("\n")),
    ("csv", "\n".join(["id,y,pred", "", "a,1,0.5", "", "", "b,0,0.25", ""])),
    ("csv", '"id","y",pred\n"a","1",0.5\nb,"0","0.25"\n'),
    ("csv", "id , y, pred\na , 1 , 0.5\nb,0 , 0.25\n"),
    ("csv", "id,y,pred\na,1.0,5e-1\nb,0.0,+.25\n"),
    ("jsonl", lines({"id": "a", "y": 1, "pred": 0.5}, {"pred": 0.25, "y": 0, "id": "b"})),
    ("ndjson", "\ufeff\n" + '{"id": "a", "y": true, "pred": 0.5}\n  \n{"id": "b", "y": false, "pred": "0.25"}'),
])  # fmt: skip
def test_one_table_in_many_spellings(tmp_path: Path, ending: str, content: str) -> None:
    found = table(tmp_path, content, ending)
    assert (found.columns, found.rows) == (("id", "y", "pred"), 2)
    assert found.ids("id").tolist() == [b"a", b"b"]
    assert words(found.texts("y")) == ["1", "0"]
    assert found.numbers("pred").tolist() == [0.5, 0.25]


def test_quoted_cells_may_hold_commas_quotes_and_line_breaks(tmp_path: Path) -> None:
    found = table(tmp_path, 'id,text\n"a,1","say ""hi"""\n"b","two\nlines"\n')
    assert words(found.texts("text")) == ['say "hi"', "two\nlines"]
    assert found.ids("id").tolist() == [b"a,1", b"b"]


def test_a_semicolon_within_a_comma_separated_header_separates_nothing(tmp_path: Path) -> None:
    assert table(tmp_path, "id,a;b\n1,2\n").columns == ("id", "a;b")


@pytest.mark.parametrize("word", ["", "na", "NA", "N/A", "nan", "NaN", "null", "None", " na "])
def test_a_word_for_missing_is_missing_among_numbers_and_among_words(tmp_path: Path, word: str) -> None:
    found = table(tmp_path, f"id,x,w\na,{word},{word}\nb,2,blue\n")
    assert np.isnan(found.numbers("x")[0])
    assert found.numbers("x")[1] == 2
    assert words(found.texts("x")) == [None, "2"]
    assert words(found.texts("w")) == [None, "blue"]


def test_an_id_may_be_spelled_like_a_missing_value(tmp_path: Path) -> None:
    assert table(tmp_path, "id,y\nna,1\nnull,0\n").ids("id").tolist() == [b"na", b"null"]


@pytest.mark.parametrize("pair", [("true", "false"), ("True", "False"), ("TRUE", "FALSE"), (" true ", "false")])
def test_truth_words_are_one_and_zero(tmp_path: Path, pair: tuple[str, str]) -> None:
    found = table(tmp_path, f"id,y\na,{pair[0]}\nb,{pair[1]}\n")
    assert found.numbers("y").tolist() == [1.0, 0.0]
    assert words(found.texts("y")) == ["1", "0"]


def test_numbers_read_the_same_however_they_are_written(tmp_path: Path) -> None:
    found = table(tmp_path, "id,y\na,1\nb,1.0\nc,01\nd,1e0\ne,-0\nf,2.50\ng,1e300\n")
    assert words(found.texts("y")) == ["1", "1", "1", "1", "0", "2.5", "1e+300"]


def test_whole_numbers_far_apart_are_words_all_the_same(tmp_path: Path) -> None:
    found = table(tmp_path, "id,y\na,-5\nb,123456789012\nc,7\n")
    assert words(found.texts("y")) == ["-5", "123456789012", "7"]


def test_one_word_among_numbers_makes_the_column_words_and_names_the_line(tmp_path: Path) -> None:
    found = table(tmp_path, "id,y\na,1\nb,high\n")
    assert not found.is_number("y")
    with pytest.raises(BadValue, match="'high' in column y is not a number") as raised:
        found.numbers("y")
    assert str(raised.value.place) == f"{tmp_path}/predictions.csv:3"


@pytest.mark.parametrize(("ending", "content", "line"), [
    ("csv", "id,y\n\n\na,1\n\nb,high\n", 6),
    ("csv", 'id,y,t\na,1,"two\nlines"\nb,high,x\n', 4),
    ("jsonl", '{"id": "a", "y": 1}\n\n\n{"id": "b", "y": "high"}\n', 4),
])  # fmt: skip
def test_blank_lines_and_line_breaks_do_not_shift_the_line_that_is_named(
    tmp_path: Path, ending: str, content: str, line: int
) -> None:
    with pytest.raises(BadValue) as raised:
        table(tmp_path, content, ending).numbers("y")
    assert raised.value.place is not None
    assert raised.value.place.line == line


@pytest.mark.parametrize(("content", "cause", "line"), [
    ("id,y\na,1,2\n", "3 values where the header has 2", 2),
    ("id,y\na,1\nb\n", "1 values where the header has 2", 3),
    ("id,y,id\na,1,2\n", "column 'id' stands more than once in the header", 1),
    ("id,y,,\na,1,,\n", "column '' stands more than once", 1),
    ('id,y\na,"1\n', "malformed: unexpected end of data", 2),
    ('id,y\na,"1"x\n', "malformed", 2),
    ("id,y\na," + "9" * (1 << 20) + "9\n", "field larger than field limit", 2),
])  # fmt: skip
def test_a_malformed_csv_names_fault_and_line(tmp_path: Path, content: str, cause: str, line: int) -> None:
    with pytest.raises(Unreadable, match=cause) as raised:
        table(tmp_path, content)
    assert raised.value.place is not None
    assert raised.value.place.line == line


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("content", [b"id,y\n\xff\xfe,1\n", b'{"id": "\xe9"}\n', b"\xff\xfei\0d\0"])
def test_text_that_is_not_utf8_is_unreadable(tmp_path: Path, ending: str, content: bytes) -> None:
    with pytest.raises(Unreadable, match=r"not (UTF-8 text|a JSON object)"):
        table(tmp_path, content, ending)


def test_nul_bytes_are_an_error_and_never_an_id(tmp_path: Path) -> None:
    with pytest.raises(MlciError):  # the csv module itself refuses them before Python 3.11
        table(tmp_path, b"id,y\na\0b,1\n").ids("id")


@pytest.mark.parametrize(("bad", "cause"), [("", "is missing"), (" ", "is missing"), ("x" * 1025, "longer than 1024")])
def test_a_bad_id_names_its_fault_and_line(tmp_path: Path, bad: str, cause: str) -> None:
    with pytest.raises(BadValue, match=cause) as raised:
        table(tmp_path, f"id,y\na,1\n{bad},0\n").ids("id")
    assert str(raised.value.place).endswith("predictions.csv:3")


@pytest.mark.parametrize(("content", "cause", "line"), [
    (lines({"id": "a"}) + "{id: b}\n", "not a JSON object", 2),
    (lines({"id": "a"}) + "\n" + '{"id": "b"\n', "not a JSON object", 3),
    (lines({"id": "a"}, ["b"]), "not a JSON object", 2),
    (lines({"id": "a"}, "b"), "not a JSON object", 2),
    (lines({"id": "a", "x.y": 1, "x": {"y": 2}}), "x.y stands for two values", 1),
    ("[" * 100_000 + "\n", "not a JSON object", 1),
    ('{"id": %s}\n' % ("9" * 5000), "not a JSON object", 1),
    ('{"id": "\\ud800"}\n', "half of a surrogate pair", 1),
    ('{"\\udfff": 1}\n', "half of a surrogate pair", 1),
])  # fmt: skip
def test_a_malformed_line_of_json_names_fault_and_line(tmp_path: Path, content: str, cause: str, line: int) -> None:
    with pytest.raises(Unreadable, match=cause) as raised:
        table(tmp_path, content, "jsonl")
    assert raised.value.place is not None
    assert raised.value.place.line == line


def test_a_whole_surrogate_pair_is_a_character(tmp_path: Path) -> None:
    assert words(table(tmp_path, '{"id": "\\ud83d\\ude00"}\n', "jsonl").texts("id")) == ["😀"]


def test_keys_that_come_and_go_are_missing_where_they_are_absent(tmp_path: Path) -> None:
    found = table(tmp_path, lines({"id": 1, "y": 0}, {"id": 2, "z": "x"}, {"id": 3, "y": None}), "jsonl")
    assert found.columns == ("id", "y", "z")
    assert words(found.texts("y")) == ["0", None, None]
    assert words(found.texts("z")) == [None, "x", None]


def test_an_object_in_json_gives_columns_of_its_own_and_a_list_gives_none(tmp_path: Path) -> None:
    found = table(tmp_path, lines({"id": 1, "of": {"passage": "p", "at": {"page": 3}}, "said": ["a"]}), "jsonl")
    assert set(found.columns) == {"id", "of.passage", "of.at.page"}
    assert found.numbers("of.at.page").tolist() == [3.0]


def test_numbers_in_json_are_ids_as_they_read(tmp_path: Path) -> None:
    found = table(tmp_path, lines({"id": 7}, {"id": 7.5}, {"id": 8.0}, {"id": "9"}), "jsonl")
    assert found.ids("id").tolist() == [b"7", b"7.5", b"8", b"9"]


def test_json_numbers_that_are_not_finite_are_read_as_they_are(tmp_path: Path) -> None:
    found = table(tmp_path, '{"id": 1, "s": NaN}\n{"id": 2, "s": Infinity}\n{"id": 3, "s": -Infinity}\n', "jsonl")
    assert np.isnan(found.numbers("s")[0])
    assert found.numbers("s")[1:].tolist() == [np.inf, -np.inf]
    assert words(found.texts("s")) == [None, None, None]


def test_an_integer_too_large_for_a_float_is_no_number(tmp_path: Path) -> None:
    found = table(tmp_path, '{"id": 1, "s": 1%s}\n' % ("0" * 400), "jsonl")
    with pytest.raises(BadValue, match="is not a number"):
        found.numbers("s")


@pytest.mark.parametrize(
    ("ending", "content"), [("csv", ""), ("csv", "id,y\n"), ("tsv", "\n"), ("jsonl", ""), ("jsonl", "\n\n")]
)
def test_a_file_without_examples_is_nothing_to_judge(tmp_path: Path, ending: str, content: str) -> None:
    with pytest.raises(NoExamples):
        table(tmp_path, content, ending)


@pytest.mark.parametrize("ending", ["txt", "xlsx", "csv.gz", ""])
def test_an_unknown_ending_is_a_usage_error_that_names_the_known_ones(tmp_path: Path, ending: str) -> None:
    with pytest.raises(UsageError, match="has no ending that says what it is") as raised:
        table(tmp_path, SAME, ending)
    assert ".parquet" in (raised.value.help or "")


@pytest.mark.parametrize("name", ["absent.csv", "folder.csv", "pipe.csv", "x" * 5000 + ".csv"])
def test_what_is_no_file_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileMissing):
        open_table(str(tmp_path / name))


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs users")
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_that_may_not_be_read_is_missing_and_no_bug(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"secret.{ending}"
    file.write_text(SAME)
    file.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            with pytest.raises(FileMissing, match="cannot read"):
                open_table(str(file))
        finally:
            os.seteuid(0)
    else:
        with pytest.raises(FileMissing, match="cannot read"):
            open_table(str(file))


def test_a_column_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing, match="no column 'z'"):
        table(tmp_path, SAME).numbers("z")
