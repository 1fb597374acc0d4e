"""A file of calls that somebody timed: read strictly, and worthless where the two did not take turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlci.adapters.latency import read_latency
from mlci.domain.operation import Block
from mlci.errors import BadValue, ColumnMissing, FileMissing, MlciError, NoExamples, Unreadable

HEADER = "block,order,candidate_ms,production_ms\n"


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_pairs_are_kept_in_their_blocks_as_nanoseconds(tmp_path: Path) -> None:
    rows = ["2.5,a,candidate,1.5,x", "2,a,production,1,", "1,b,candidate,1,", "4,b,production,3,"]
    text = "\n".join(["production_ms,block,order,candidate_ms,note", *rows])
    found = read_latency(written(tmp_path / "calls.csv", text), batch=8)

    assert found.blocks == (
        Block(candidate=(1_500_000, 1_000_000), production=(2_500_000, 2_000_000)),
        Block(candidate=(1_000_000, 3_000_000), production=(1_000_000, 4_000_000)),
    )
    assert (found.interleaved, found.batch) == (True, 8)


@pytest.mark.parametrize(
    "order", [["candidate"] * 4, ["candidate", "candidate", "production", "production"], ["candidate"]]
)
def test_whoever_went_first_every_time_took_no_turns(tmp_path: Path, order: list[str]) -> None:
    rows = "".join(f"1,{first},1,1\n" for first in order)

    assert not read_latency(written(tmp_path / "calls.csv", HEADER + rows), 1).interleaved


@pytest.mark.parametrize(
    ("text", "error", "cause"),
    [
        ("", ColumnMissing, "no column block"),
        ("block,order,candidate_ms\n1,candidate,1\n", ColumnMissing, "no column production_ms"),
        (f"block,{HEADER}", ColumnMissing, "more than one"),
        (HEADER, NoExamples, "no pair"),
        (f"{HEADER}1,candidate,1\n", BadValue, "has 3 cells"),
        (f"{HEADER}1,AB,1,1\n", BadValue, "called first"),
        (f"{HEADER}1,candidate,0,1\n", BadValue, "above 0"),
        (f"{HEADER}1,candidate,1,nan\n", BadValue, "above 0"),
        (f"{HEADER}1,candidate,1,1e8\n", BadValue, "above 0"),
        (f"{HEADER}1,candidate,,1\n", BadValue, "above 0"),
        (f"{HEADER}1,candidate,1,1\n2,candidate,1,1\n1,production,1,1\n", BadValue, "goes on"),
        (HEADER + "1,candidate,1,1\n" * 20_001, BadValue, "more than 20000"),
        (HEADER + "".join(f"{block},candidate,1,1\n" for block in range(1001)), BadValue, "more than 1000 blocks"),
        (f'{HEADER}"1,candidate', Unreadable, "as CSV"),
    ],
)
def test_what_is_no_such_file_is_one_clear_error(tmp_path: Path, text: str, error: type[MlciError], cause: str) -> None:
    with pytest.raises(error, match=cause):
        read_latency(written(tmp_path / "calls.csv", text), 1)


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        read_latency(str(tmp_path / "calls.csv"), 1)
