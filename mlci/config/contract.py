"""A contract file → a contract: in mlci's own words, or as a suite of Great Expectations. All problems at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlci.config.contract_model import ContractFile
from mlci.config.contract_problems import contradictions, place_of
from mlci.config.contract_rules import Drafted, rules_of
from mlci.config.nodes import LARGEST_FILE, Budget, Mapping, Node, Sequence, plain, read_nodes
from mlci.config.problems import raise_all
from mlci.config.quote import nearest, one_line
from mlci.config.reader import Reader
from mlci.config.settings import Settings, assemble
from mlci.domain.dataset import suite_reading
from mlci.domain.dataset.arguments import problems, typed
from mlci.domain.dataset.contract import Contract, Rule
from mlci.domain.dataset.suite_reading import rule_id, unique
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.errors import FileMissing, MlciError, OutOfRange, Place, RequiredMissing

# A suite that a program wrote may be longer than what a person writes.
LARGEST_SUITE = 8 * LARGEST_FILE


def load(path: str, shown: str | None = None) -> Contract:
    """Read a contract from a file.

    Args:
        path: the file.
        shown: what it is called in messages and in the contract; its path where that is None.

    Returns:
        The contract. Ages and other parameters are still open: ``mlci.domain.dataset.parameters.at`` closes them when
        the data are judged.

    Raises:
        MlciError: there is no such file, or the problem of it, or all of them together.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_SUITE + 1)
    except FileNotFoundError as problem:
        raise FileMissing(
            f"{one_line(shown or path)} does not exist", place=Place(one_line(shown or path))
        ) from problem
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise FileMissing(f"{one_line(shown or path)} cannot be read: {reason}") from problem
    return read_contract(content, shown or path)


def read_contract(content: bytes, name: str) -> Contract:
    """Read a contract that does not come from this machine's files.

    Args:
        content: the file, as bytes.
        name: what it is called, such as ``contracts/train.yml at 1a2b3c4``.

    Raises:
        MlciError: the problem of the file, or all of them together.
    """
    name, digest = one_line(name), hashlib.sha256(content).hexdigest()
    document = _json(content)
    if document is None:
        root = read_nodes(content, name)
        if not _is_suite(root):
            return _contract(root, name, digest)
        document = plain(root, Budget(name)) if root is not None else {}
    rules = suite_reading.rules_of(document)
    return Contract(
        name=name, digest=digest, rules=rules, types=suite_reading.types_of(rules), key=suite_reading.key_of(document)
    )


def _json(content: bytes) -> dict[str, Any] | None:
    """The suite that JSON holds; None where it is something else, which YAML may read."""
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or len(content) > LARGEST_SUITE:
        return None
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return document if suite_reading.is_suite(document) else None


def _is_suite(root: Node | None) -> bool:
    return isinstance(root, Mapping) and any(
        key.text == "expectations" and isinstance(value, Sequence) for key, value in root.entries
    )


def _contract(root: Node | None, name: str, digest: str) -> Contract:
    reader = Reader(name, None)
    settings = reader.document(root, ContractFile)
    if reader.problems:
        raise_all([*reader.problems, *contradictions(settings)])
    file = assemble(ContractFile(), settings)
    drafted = rules_of(file)
    found = [*contradictions(settings), *_refused(drafted, settings, name)]
    if not drafted and not found:
        found.append(_without_rules(name))
    raise_all(found)
    types = {column: asked.type for column, asked in file.columns.items() if asked.type is not None}
    taken: set[str] = set()
    rules = tuple(_rule(one, taken, settings) for one in drafted)
    return Contract(name=name, digest=digest, rules=rules, types=types, key=file.key)


def _without_rules(name: str) -> MlciError:
    return RequiredMissing(
        "the contract asks for nothing", place=Place(name), help="name the columns that must be there, under columns"
    )


def _rule(one: Drafted, taken: set[str], settings: Settings) -> Rule:
    place = place_of(settings, one.path)
    expectation, kwargs = typed(one.expectation, one.kwargs)
    return Rule(
        id=unique(one.named or rule_id(one.short, one.kwargs), taken),
        expectation=expectation,
        kwargs=kwargs,
        severity=one.severity,
        where=one.where,
        line=place.line if place is not None else None,
    )


def _refused(drafted: list[Drafted], settings: Settings, name: str) -> Iterator[MlciError]:
    """What the vocabulary does not take, at the place where it was written."""
    for one in drafted:
        for argument, what in problems(one.expectation, one.kwargs):
            path = one.spelled.get(argument or "", one.path)
            hint = nearest(one.expectation, EXPECTATIONS) if one.expectation not in EXPECTATIONS else None
            said = f"{'.'.join(path)} {what}" if argument is not None else f"{'.'.join(path)}: {what}"
            yield OutOfRange(one_line(said), place=place_of(settings, path) or Place(name), help=hint)
