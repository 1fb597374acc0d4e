"""Facts of a text, of a line of texts, and of a chat in JSON Lines; never the text itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlci.domain.dataset.language import language_of

# Longer lines and files are counted, and not looked into.
LARGEST = 16 << 20
_CHAT = ("messages", "conversations", "conversation", "turns")
_ROLE = ("role", "from", "speaker")
_SAID = ("content", "value", "text")
_MOST_ROLES = 12


def facts_of_text(place: str) -> dict[str, Any]:
    """One row of facts of a text file, but for path and label."""
    size = Path(place).stat().st_size
    with Path(place).open("rb") as stream:
        raw = stream.read(LARGEST + 1)
    return {**_facts(raw), "bytes": size}


def lines_of(path: str) -> Iterator[dict[str, Any]]:
    """A row of facts for each line of a text file."""
    for number, raw in _lines(path):
        yield {"path": f"{Path(path).name}:{number}", "line": number, **_facts(raw)}


def is_chat(path: str) -> bool:
    """Whether the first line of JSON Lines has a list of messages."""
    for _, raw in _lines(path):
        if raw.strip():
            try:
                return _messages(json.loads(raw)) is not None
            except (ValueError, RecursionError):
                return False
    return False


def chats_of(path: str) -> Iterator[dict[str, Any]]:
    """A row of facts for each line of JSON Lines with messages; a blank line is none."""
    for number, raw in _lines(path):
        if raw.strip():
            yield {"path": f"{Path(path).name}:{number}", "line": number, **_chat(raw)}


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Number from 1 and bytes of each line without its end; of a line too long to look into, its beginning."""
    with Path(path).open("rb") as stream:
        number = 0
        while raw := stream.readline(LARGEST + 1):
            number += 1
            whole = raw
            while not raw.endswith(b"\n") and len(raw) > LARGEST:
                raw = stream.readline(LARGEST + 1)
            yield number, whole.rstrip(b"\r\n")


def _facts(raw: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {"bytes": len(raw), "digest": hashlib.sha256(raw).hexdigest()}
    if len(raw) > LARGEST:
        trouble = f"it is longer than {LARGEST >> 20} MB"
        return {**facts, "content": facts["digest"], "readable": False, "trouble": trouble}
    text = raw.decode("utf-8-sig", errors="replace")
    bad = text.count("\ufffd") - raw.count("\ufffd".encode())
    said = f"{bad} places are not in UTF-8" if bad else None
    return {**facts, **_said(text), "undecodable": bad, "readable": not bad, "trouble": said}


def _said(text: str) -> dict[str, Any]:
    """What is counted of a text; its content is the same whatever its case and spaces are."""
    words = text.split()
    return {
        "content": hashlib.sha256(" ".join(words).casefold().encode(errors="surrogatepass")).hexdigest(),
        "chars": len(text),
        "words": len(words),
        "language": language_of(text),
        "controls": sum(1 for one in text if (one < " " and one not in "\t\n\r") or "\x7f" <= one <= "\x9f"),
    }


def _chat(raw: bytes) -> dict[str, Any]:
    facts = _facts(raw)
    if not facts["readable"]:
        return facts
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError):
        return {**facts, "readable": False, "trouble": "it is no JSON"}
    messages = _messages(row)
    if messages is None:
        return {**facts, "readable": False, "trouble": "it has no list of messages"}
    said = [_first(one, _SAID) for one in messages]
    roles = [str(_first(one, _ROLE) or "?") for one in messages]
    texts = [one if isinstance(one, str) else "" if one is None else json.dumps(one) for one in said]
    label = row.get("label")
    shown = roles[:_MOST_ROLES] + (["…"] if len(roles) > _MOST_ROLES else [])
    return {
        **facts,
        **_said("\n".join(texts)),
        "label": label if isinstance(label, str) else None if label is None else json.dumps(label),
        "keys": ",".join(sorted(str(key) for key in row)),
        "messages": len(messages),
        "roles": ",".join(shown),
        "longest": max((len(one) for one in texts), default=0),
        "hollow": sum(1 for one in texts if not one.strip()),
    }


def _messages(row: Any) -> list[Any] | None:
    if not isinstance(row, Mapping):
        return None
    found = _first(row, _CHAT)
    if isinstance(found, list) and all(isinstance(one, Mapping) for one in found):
        return found
    return None


def _first(row: Any, names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if name in row), None)
