"""A table of 20 columns of any length, the same each time, and forty rules that hold of it, as a suite of GX."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

# Each column from the number of its row alone, so that any number of rows is written as a stream.
_COLUMNS = {
    "id": "i",
    "customer": "'C' || lpad((hash(i) % 40000000)::VARCHAR, 8, '0')",
    "created": "TIMESTAMP '2026-01-01' + to_seconds((hash(i, 1) % 20000000)::BIGINT)",
    "day": "DATE '2026-01-01' + (hash(i, 1) % 231)::INTEGER",
    "segment": "['retail', 'business', 'public', 'partner'][1 + (hash(i, 2) % 4)::INTEGER]",
    "region": "['north', 'south', 'east', 'west', 'centre', 'abroad'][1 + (hash(i, 3) % 6)::INTEGER]",
    "plan": "['basic', 'plus', 'pro'][1 + (hash(i, 4) % 3)::INTEGER]",
    "email": "'user' || (hash(i, 5) % 90000000)::VARCHAR || '@example.org'",
    "code": "chr(65 + (hash(i, 6) % 26)::INTEGER) || lpad((hash(i, 7) % 100000)::VARCHAR, 5, '0')",
    "age": "18 + (hash(i, 8) % 70)::INTEGER",
    "tenure": "(hash(i, 9) % 240)::INTEGER",
    "logins": "CASE WHEN hash(i, 10) % 50 > 0 THEN (hash(i, 11) % 1000)::INTEGER END",
    "amount": "(hash(i, 12) % 10000000) / 100.0::DOUBLE",
    "balance": "((hash(i, 13) % 2000000)::BIGINT - 1000000) / 100.0::DOUBLE",
    "score_a": "(hash(i, 14) % 1000000000) / 1e9::DOUBLE",
    "score_b": "CASE WHEN hash(i, 15) % 20 > 0 THEN (hash(i, 16) % 1000000000) / 1e9::DOUBLE END",
    "ratio": "(hash(i, 17) % 1000) / 1000.0::DOUBLE",
    "active": "hash(i, 18) % 10 > 2",
    "churned": "(hash(i, 19) % 10 > 7)::INTEGER",
    "comment": "repeat('word ', (1 + hash(i, 20) % 6)::INTEGER)",
}


def write(path: Path, rows: int) -> None:
    """Write the table, at most a few row groups of it in memory."""
    import duckdb

    columns = ", ".join(f"{sql} AS {name}" for name, sql in _COLUMNS.items())
    duckdb.execute("SET memory_limit = '1GB'")
    duckdb.execute(
        f"COPY (SELECT {columns} FROM range({rows}) t(i)) TO '{path}' "
        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
    )


def suite(rows: int) -> dict[str, Any]:
    """Forty rules, under the names of Great Expectations."""
    rules: list[tuple[str, dict[str, Any]]] = [
        ("expect_table_row_count_to_be_between", {"min_value": rows, "max_value": rows}),
        *[("expect_column_values_to_not_be_null", {"column": name}) for name in
          ("id", "customer", "created", "day", "segment", "email", "amount", "score_a", "churned")],
        ("expect_column_values_to_be_between", {"column": "age", "min_value": 18, "max_value": 120}),
        ("expect_column_values_to_be_between", {"column": "tenure", "min_value": 0, "max_value": 600}),
        ("expect_column_values_to_be_between", {"column": "logins", "min_value": 0, "max_value": 100000}),
        ("expect_column_values_to_be_between", {"column": "amount", "min_value": 0, "max_value": 1e6}),
        ("expect_column_values_to_be_between", {"column": "balance", "min_value": -1e6, "max_value": 1e6}),
        ("expect_column_values_to_be_between", {"column": "score_a", "min_value": 0, "max_value": 1}),
        ("expect_column_values_to_be_between", {"column": "score_b", "min_value": 0, "max_value": 1}),
        ("expect_column_values_to_be_between", {"column": "ratio", "min_value": 0, "max_value": 0.99, "mostly": 0.9}),
        ("expect_column_values_to_be_in_set",
         {"column": "segment", "value_set": ["retail", "business", "public", "partner"]}),
        ("expect_column_values_to_be_in_set",
         {"column": "region", "value_set": ["north", "south", "east", "west", "centre", "abroad"]}),
        ("expect_column_values_to_be_in_set", {"column": "plan", "value_set": ["basic", "plus", "pro"]}),
        ("expect_column_values_to_be_in_set", {"column": "churned", "value_set": [0, 1]}),
        ("expect_column_values_to_be_unique", {"column": "id"}),
        ("expect_column_values_to_match_regex", {"column": "email", "regex": "^[^@ ]+@[^@ ]+\\.[a-z]+$"}),
        ("expect_column_values_to_match_regex", {"column": "code", "regex": "^[A-Z][0-9]{5}$"}),
        ("expect_column_value_lengths_to_be_between", {"column": "comment", "min_value": 1, "max_value": 200}),
        ("expect_column_value_lengths_to_equal", {"column": "customer", "value": 9}),
        ("expect_column_mean_to_be_between", {"column": "amount", "min_value": 40000, "max_value": 60000}),
        ("expect_column_mean_to_be_between", {"column": "age", "min_value": 40, "max_value": 65}),
        ("expect_column_stdev_to_be_between", {"column": "score_a", "min_value": 0.2, "max_value": 0.4}),
        ("expect_column_median_to_be_between", {"column": "tenure", "min_value": 60, "max_value": 180}),
        ("expect_column_min_to_be_between", {"column": "age", "min_value": 18, "max_value": 18}),
        ("expect_column_max_to_be_between", {"column": "ratio", "min_value": 0.9, "max_value": 1}),
        ("expect_column_quantile_values_to_be_between",
         {"column": "amount", "quantile_ranges":
          {"quantiles": [0.05, 0.5, 0.95], "value_ranges": [[0, 10000], [40000, 60000], [90000, 100000]]}}),
        ("expect_column_pair_values_a_to_be_greater_than_b",
         {"column_A": "amount", "column_B": "score_a", "mostly": 0.9}),
        ("expect_column_values_to_be_of_type", {"column": "id", "type_": "int64"}),
        ("expect_column_values_to_be_of_type", {"column": "amount", "type_": "float64"}),
        ("expect_column_distinct_values_to_equal_set", {"column": "plan", "value_set": ["basic", "plus", "pro"]}),
        ("expect_column_proportion_of_unique_values_to_be_between",
         {"column": "segment", "min_value": 0, "max_value": 0.5}),
        ("expect_column_unique_value_count_to_be_between", {"column": "region", "min_value": 6, "max_value": 6}),
    ]  # fmt: skip
    return {
        "name": "bench",
        "expectations": [
            {"type": name, "kwargs": kwargs, "severity": "critical", "meta": {}} for name, kwargs in rules
        ],
        "meta": {"great_expectations_version": "1.24.1"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, required=True)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    write(given.folder / "rows.parquet", given.rows)
    (given.folder / "suite.json").write_text(json.dumps(suite(given.rows), indent=1))


if __name__ == "__main__":
    main()
