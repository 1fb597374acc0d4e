"""The report as JSON, in its published shape."""

from __future__ import annotations

from json import dumps

from mlci.domain.report import Report, as_json


def json(report: Report) -> str:
    """Write the report as JSON in ASCII, in the order of its fields.

    Raises:
        ValueError: a number is not finite.
    """
    written = dumps(as_json(report), indent=2, ensure_ascii=True, allow_nan=False)
    # A log collector that sees "##[" takes it for a command; \u0023 is the same text to every JSON reader.
    return written.replace("##[", "\\u0023#[") + "\n"
