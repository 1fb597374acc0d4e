"""YAML and JSON that others wrote, as plain values: bounded in time and memory whatever it says."""

from __future__ import annotations

import functools
import json
import math
from typing import Any

# Each of these is far above what people write, and far below what hurts.
_MOST_MERGED = 16
_MOST_KEYS = 10_000
# Evidence is canonical JSON, whose numbers every reader must be able to hold exactly.
_LARGEST_WHOLE = 2**53 - 1


class Unusable(Exception):
    """A document that cannot be read, or that would cost too much to read; the message is one line."""


def read_yaml(content: bytes) -> Any:
    """What a YAML document says, read as ``yaml.safe_load`` does.

    Raises:
        Unusable: it is no YAML, or merges mappings beyond any measure.
    """
    import yaml

    try:
        return yaml.load(content, _loader())  # noqa: S506 - a SafeLoader
    except RecursionError as error:
        raise Unusable("it is nested too deeply") from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        raise Unusable(" ".join(str(error).split())[:200]) from error


@functools.cache
def _loader() -> Any:
    import yaml

    class Bounded(yaml.SafeLoader):
        """Merges of merges double with each line, so they are counted where they happen."""

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            """As the library does it, within limits."""
            for name, value in node.value:
                merged = name.tag == "tag:yaml.org,2002:merge" and isinstance(value, yaml.SequenceNode)
                if merged and len(value.value) > _MOST_MERGED:
                    raise Unusable("it merges too many mappings")
            super().flatten_mapping(node)
            if len(node.value) > _MOST_KEYS:
                raise Unusable("it merges too many mappings")

    return Bounded


def read_json(content: bytes) -> Any:
    """What a JSON document says.

    Raises:
        Unusable: it is no JSON.
    """
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise Unusable("it is nested too deeply") from error
    except ValueError as error:
        raise Unusable(" ".join(str(error).split())[:200]) from error


def plain(document: Any, most: int) -> Any:
    """A document as evidence can carry it: mappings with text as keys, lists, text, truth values, finite numbers.

    Dates, numbers that are not finite and whole numbers beyond 2^53 become text; so does whatever is no key.

    Raises:
        Unusable: it has more than ``most`` values, is nested too deeply, or has text that is no Unicode.
    """
    left = [most]
    try:
        found = _plain(document, left)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError as error:
        raise Unusable("it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise Unusable("it has text with half of a surrogate pair, which is no character") from error
    except ValueError as error:
        raise Unusable(" ".join(str(error).split())[:200]) from error
    return found


def _plain(value: Any, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise Unusable("it holds too many values")
    if isinstance(value, dict):
        found = {_key(name): _plain(inner, left) for name, inner in value.items()}
        if len(found) < len(value):
            raise Unusable("two keys of one mapping read the same as text")
        return found
    if isinstance(value, (list, tuple)):
        return [_plain(inner, left) for inner in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST_WHOLE:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)


def _key(name: Any) -> str:
    return name if isinstance(name, str) else str(_plain(name, [1]))
