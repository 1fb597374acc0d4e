"""Fitting: the limit holds for any blocks, rows go before blocks, and what is left out is counted."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.render.fit import Block, Row, fitted

ROWS = st.lists(st.builds(Row, st.text("abc", min_size=1, max_size=30), st.integers(0, 3)), max_size=30)
BLOCKS = st.lists(
    st.builds(
        Block,
        st.sampled_from(["", "# open", "<details>"]),
        ROWS,
        st.sampled_from(["", "</details>"]),
        st.sampled_from([0.3, 0.7, 1.0]),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(BLOCKS, st.integers(60, 2000))
def test_the_limit_holds_for_any_blocks(blocks: list[Block], limit: int) -> None:
    assert len(fitted([Block("head"), *blocks], limit, "pointer")) <= limit


@settings(deadline=None)
@given(BLOCKS, st.integers(60, 2000))
def test_every_row_is_shown_or_counted_where_its_block_is_shown(blocks: list[Block], limit: int) -> None:
    numbered = [
        Block(f"<{place}>", [Row(f"row {place}", row.rank) for row in block.rows], f"</{place}>", block.share)
        for place, block in enumerate(blocks)
    ]
    written = fitted([Block("head"), *numbered], limit, "pointer")
    for place, block in enumerate(numbered):
        found = re.search(rf"<{place}>(.*)</{place}>", written, flags=re.DOTALL)
        if found is None:
            assert f"row {place}" not in written
            continue
        left = re.search(r"… and (\d+) more", found[1])
        assert found[1].count(f"row {place}") + int(left[1] if left else 0) == len(block.rows)


@settings(deadline=None)
@given(BLOCKS)
def test_what_fits_is_whole_and_has_no_pointer(blocks: list[Block]) -> None:
    written = fitted([Block("head"), *blocks], 10**6, "pointer")
    assert "pointer" not in written
    assert "more." not in written
    assert sum(len(block.rows) for block in blocks) <= len(written.splitlines())


def test_empty_blocks_leave_no_gap() -> None:
    assert fitted([Block("head"), Block(), Block("", []), Block("foot")], 100, "pointer") == "head\n\nfoot\n"


def test_a_block_leaves_room_for_those_after_it() -> None:
    greedy = Block("greedy", [Row("g" * 20) for _ in range(100)], share=0.5)
    modest = Block("modest", [Row("m" * 20) for _ in range(3)])
    written = fitted([Block("head"), greedy, modest], 400, "pointer")
    assert "m" * 20 in written
    assert "g" * 20 in written


def test_a_heading_without_rows_is_dropped_when_it_does_not_fit() -> None:
    assert fitted([Block("head"), Block("x" * 200), Block("foot")], 100, "pointer") == "head\n\nfoot\n\npointer\n"
