"""``mlci config explain``: every value that holds, and where it comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from mlci.config.quote import without_credentials
from mlci.config.settings import Value, as_written
from mlci.errors import Exit

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation

SCHEMA = "mlci.config/1"


def run(invocation: Invocation) -> Exit:
    """Print the values; this command judges nothing, so it passes whenever the configuration is valid."""
    values = invocation.resolved.values
    click.echo(_as_json(values) if invocation.own["format"] == "json" else _as_text(values))
    return Exit.PASS


def _content(value: Value) -> Any:
    content = as_written(value.value) if value.shown is None else value.shown
    return without_credentials(content) if isinstance(content, str) else content


def _as_json(values: Any) -> str:
    rows = [
        {
            "key": path,
            "value": _content(value),
            "source": {"kind": value.source.kind, **({"name": value.source.name} if value.source.name else {})},
        }
        for path, value in values.items()
    ]
    return json.dumps({"schema": SCHEMA, "values": rows}, indent=2)


def _as_text(values: Any) -> str:
    rows = [(_safe(path), _written(value), _safe(str(value.source))) for path, value in values.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{path:<{widths[0]}}  {text:<{min(widths[1], 40)}}  {source}" for path, text, source in rows)


def _written(value: Value) -> str:
    content = _content(value)
    # ASCII only, because a text in the file may hold what moves a terminal's cursor or turns its lines around.
    return "-" if content is None else _safe(content) if value.shown is not None else json.dumps(content)


def _safe(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)
