"""Files of a pipeline as one: what is laid over what, what jobs extend, and what references name."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.adapters.gitlab.cijob import words
from mlci.adapters.yamltree import MOST_VALUES, Block, Items, Node, Odd

# https://docs.gitlab.com/ci/yaml/#extends and .../yaml_optimization/#reference-tags
_MOST_LEVELS = 11
_RESOLVED = ("before_script", "script", "rules")


class Merging:
    """Puts blocks together and counts what that copies, because a few lines can ask for very much."""

    def __init__(self) -> None:
        self._values = 0

    def overlaid(self, under: Block, over: Block) -> Block:
        """Two blocks as one: what is in both is the second's, and blocks that are in both are merged.

        Raises:
            Odd: what was put together so far is too much.
        """
        self._spend(len(under.entries) + len(over.entries) + 1, over.line)
        merged = Block(over.line, {**under.entries})
        for key, node in over.entries.items():
            there = merged.entries.get(key)
            both = isinstance(there, Block) and isinstance(node, Block)
            merged.entries[key] = self.overlaid(there, node) if both else node  # type: ignore[arg-type]
        return merged

    def resolved(self, root: Block) -> Block:
        """A pipeline in which jobs have what they extend, and the lists that matter hold what references name.

        Raises:
            Odd: that comes to too much.
        """
        done = Block(root.line)
        for name, node in root.entries.items():
            done.entries[name] = self._extended(root, node, ()) if isinstance(node, Block) else node
        for node in done.entries.values():
            for key in _RESOLVED if isinstance(node, Block) else ():
                found = node.entries.get(key) if isinstance(node, Block) else None
                if isinstance(found, Items) and isinstance(node, Block):
                    node.entries[key] = Items(found.line, list(self._items(done, found, 0)))
        return done

    def _extended(self, root: Block, node: Block, before: tuple[str, ...]) -> Block:
        merged = Block(node.line)
        for name in words(node.entries.get("extends")):
            other = root.entries.get(name)
            if isinstance(other, Block) and name not in before and len(before) < _MOST_LEVELS:
                merged = self.overlaid(merged, self._extended(root, other, (*before, name)))
        own = Block(node.line, {key: value for key, value in node.entries.items() if key != "extends"})
        return self.overlaid(merged, own)

    def _items(self, root: Block, node: Node, depth: int) -> Iterator[Node]:
        """The entries of a list, references in it followed as far as what they name is there."""
        self._spend(1, node.line)
        if depth > _MOST_LEVELS:
            return
        if not isinstance(node, Items):
            yield node
        elif node.reference:
            found: Node | None = root
            for part in words(node, plain=True):
                found = found.entries.get(part) if isinstance(found, Block) else None
            if found is not None:
                yield from self._items(root, found, depth + 1)
        else:
            for each in node.items:
                yield from self._items(root, each, depth + 1)

    def _spend(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise Odd(f"put together the pipeline has more than {MOST_VALUES} values", line)
