"""Parts of a pipeline's file: jobs, rules and includes. What is written in no known way is as if it were left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from mlci.adapters.yamltree import Block, Items, Node, Text
from mlci.domain.setup.gitlab.pipeline import Allowed, Include, Job, Refs, Rule

_TRUTH, _FALSEHOOD = re.compile(r"true|yes|on", re.IGNORECASE), re.compile(r"false|no|off", re.IGNORECASE)
_DEEPEST = 10
# A list of shell lines is one script; longer ones are cut.
_LONGEST_SCRIPT = 262_144
Kind = Literal["component", "project", "local", "remote", "template"]


def word(node: Node | None) -> str | None:
    """One value as a text; None where there is none."""
    return node.value if isinstance(node, Text) and not node.empty else None


def words(node: Node | None, *, plain: bool = False) -> tuple[str, ...]:
    """One value or a list of them; ``plain`` takes a reference for the list that it is written as."""
    if isinstance(node, Items) and node.reference and not plain:
        return ()
    found = (word(one) for one in listed(node))
    return tuple(one for one in found if one is not None)


def listed(node: Node | None) -> list[Node]:
    """The entries of a list; what is no list is one entry."""
    if isinstance(node, Items):
        return node.items
    return [] if node is None or (isinstance(node, Text) and node.empty) else [node]


def truth(node: Node | None) -> bool | None:
    """Whether a value says yes; None where it says neither."""
    text = word(node)
    if text is None or not isinstance(node, Text) or not node.plain:
        return None
    return True if _TRUTH.fullmatch(text) else False if _FALSEHOOD.fullmatch(text) else None


def variables(node: Node | None) -> dict[str, str]:
    """Variables by name; what is only described has no value."""
    found = {}
    for name, inner in node.entries.items() if isinstance(node, Block) else ():
        value = inner.entries.get("value") if isinstance(inner, Block) else inner
        if value is None or isinstance(value, Text):
            found[name] = word(value) or ""
    return found


def rules(node: Node | None) -> tuple[Rule, ...]:
    """The entries of ``rules``, lists within it flattened."""
    return tuple(
        Rule(
            condition=word(one.entries.get("if")),
            files=bool({"changes", "exists"} & set(one.entries)),
            when=word(one.entries.get("when")),
            allowed=truth(one.entries.get("allow_failure")),
        )
        for one in _flat(node, 0)
        if isinstance(one, Block)
    )


def _flat(node: Node | None, depth: int) -> Iterator[Node]:
    for one in listed(node):
        if isinstance(one, Items) and depth < _DEEPEST:
            yield from _flat(one, depth + 1)
        else:
            yield one


def job(name: str, node: Block, known: Job | None, before: Node | None = None) -> Job:
    """One job; where a component brought it along, with what the file itself says in place of what that says.

    Args:
        before: what ``default`` runs before the script of each job that has nothing of its own there.
    """
    entries = node.entries
    base = known or Job(name=name)
    first = entries.get("before_script", before if _inherits(entries.get("inherit")) else None)
    script = [*_flat(first, 0), *_flat(entries["script"], 0)] if "script" in entries else []
    lines = "\n".join(text for text in map(word, script) if text is not None)[:_LONGEST_SCRIPT]
    needs, takes = _needs(entries, base)
    return Job(
        name=name,
        stage=word(entries.get("stage")) or base.stage,
        script=lines or base.script,
        rules=rules(entries["rules"]) if "rules" in entries else base.rules,
        only=_refs(entries["only"]) if "only" in entries else base.only,
        excluded=_refs(entries["except"]) if "except" in entries else base.excluded,
        when=word(entries.get("when")) or base.when,
        allowed=_allowed(entries["allow_failure"]) if "allow_failure" in entries else base.allowed,
        needs=needs,
        takes=takes,
        environment=_environment(entries["environment"]) if "environment" in entries else base.environment,
        dotenv=_hands_on(entries.get("artifacts")) or base.dotenv,
        variables={**base.variables, **variables(entries.get("variables"))},
        child="trigger" in entries or base.child,
    )


def _inherits(node: Node | None) -> bool:
    """Whether a job takes ``before_script`` from ``default``."""
    asked = node.entries.get("default") if isinstance(node, Block) else None
    return "before_script" in words(asked) if isinstance(asked, Items) else truth(asked) is not False


def _needs(entries: dict[str, Node], base: Job) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """The jobs that one waits for alone, and those whose artifacts it takes where not all of them give theirs."""
    needs, takes = base.needs, base.takes
    if "needs" in entries:
        named = [_need(one) for one in listed(entries["needs"])]
        needs = tuple(name for name, _ in named if name is not None)
        takes = tuple(name for name, given in named if name is not None and given)
    if "dependencies" in entries:
        chosen = words(entries["dependencies"])
        takes = chosen if takes is None else tuple(name for name in takes if name in chosen)
    return needs, takes


def _need(node: Node) -> tuple[str | None, bool]:
    if isinstance(node, Block):
        return word(node.entries.get("job")), truth(node.entries.get("artifacts")) is not False
    return word(node), True


def _refs(node: Node) -> Refs:
    if isinstance(node, Block):
        return Refs(refs=words(node.entries.get("refs")), narrowed=bool(set(node.entries) - {"refs"}))
    return Refs(refs=words(node))


def _allowed(node: Node) -> Allowed:
    """What ``allow_failure`` says; what cannot be read allows it, because nothing may pass for a gate that is none."""
    if isinstance(node, Block):
        codes = words(node.entries.get("exit_codes"))
        return tuple(int(code) for code in codes) if all(re.fullmatch(r"[0-9]{1,9}", one) for one in codes) else True
    return truth(node) is not False


def _environment(node: Node) -> str | None:
    return word(node.entries.get("name")) if isinstance(node, Block) else word(node)


def _hands_on(node: Node | None) -> bool:
    reports = node.entries.get("reports") if isinstance(node, Block) else None
    return isinstance(reports, Block) and bool(words(reports.entries.get("dotenv")))


def included(node: Node) -> Include:
    """One entry of ``include``."""
    if not isinstance(node, Block):
        path = word(node) or ""
        return include("remote" if re.match(r"https?://", path) else "local", path)
    entries = node.entries
    conditional = "rules" in entries
    if "project" in entries:
        files = ", ".join(words(entries.get("file")))
        return Include(
            kind="project",
            name=f"{word(entries['project'])}: {files}",
            version=word(entries.get("ref")) or "",
            conditional=conditional,
        )
    kinds: tuple[Kind, ...] = ("component", "local", "remote", "template")
    kind = next((each for each in kinds if each in entries), None)
    if kind is None:
        return Include(kind="remote", name="a file named in a way that is not known", conditional=conditional)
    return include(kind, word(entries[kind]) or "", conditional=conditional)


def include(kind: str, address: str, *, conditional: bool = False) -> Include:
    """An include by its kind; a component's address ends in its version."""
    name, _, version = address.rpartition("@") if kind == "component" and "@" in address else (address, "", "")
    return Include(kind=kind, name=name, version=version, conditional=conditional)  # type: ignore[arg-type]
