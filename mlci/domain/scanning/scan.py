"""The result of looking through one file, and of looking through many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

# "clean" is said only of what was walked to its end; "unknown" of what could not be, and that is never a pass.
Opinion = Literal["clean", "unsafe", "unknown"]
_ORDER: tuple[Opinion, ...] = ("clean", "unknown", "unsafe")

# Sightings kept of one file, at most; the rest is counted.
MOST = 20


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One thing that was seen in a file.

    Attributes:
        inside: path through the containers that it lies in, such as ``model.pt/data.pkl``; empty in the file itself.
        position: byte in that innermost stream; None where it is about all of it.
        what: the class, operator or layer that it is about; empty where it is about none.
        message: what it does or why it could not be walked, as the end of a sentence that begins with the file.
        opinion: what it makes of the file.
    """

    inside: str
    position: int | None
    what: str
    message: str
    opinion: Opinion


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What is known of one file.

    Attributes:
        path: of the file, as it was given.
        format: what it is by its content; empty where it is nothing that loads as a model.
        sightings: what speaks against it, the worst first; none of a clean one.
        more: how many besides those.
        notes: what whoever loads it should know, though it speaks against nothing: code beside the model, for one.
    """

    path: str
    format: str
    sightings: tuple[Sighting, ...] = ()
    more: int = 0
    notes: tuple[str, ...] = ()

    @property
    def opinion(self) -> Opinion:
        """The worst that anything in it makes of it."""
        return worst(one.opinion for one in self.sightings)


def worst(opinions: Iterable[Opinion]) -> Opinion:
    """Unsafe before unknown before clean."""
    return max(opinions, key=_ORDER.index, default="clean")


@dataclass
class Seen:
    """Gathers what is seen in one file, without holding more of it than is shown."""

    sightings: list[Sighting] = field(default_factory=list)
    more: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, sighting: Sighting) -> None:
        """Take note of one; what was seen at another place already is not said twice."""
        if any(
            (one.inside, one.what, one.message) == (sighting.inside, sighting.what, sighting.message)
            for one in self.sightings
        ):
            return
        if len(self.sightings) < MOST:
            self.sightings.append(sighting)
        elif sighting.opinion == "unsafe" and (milder := self._milder()) is not None:
            self.sightings[milder] = sighting
            self.more += 1
        else:
            self.more += 1

    def _milder(self) -> int | None:
        return next((place for place, one in enumerate(self.sightings) if one.opinion != "unsafe"), None)

    def scan(self, path: str, format: str) -> Scan:
        """What is known now."""
        ordered = sorted(self.sightings, key=lambda one: -_ORDER.index(one.opinion))
        return Scan(path=path, format=format, sightings=tuple(ordered), more=self.more, notes=tuple(self.notes))


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What is known of all files that were looked through.

    Attributes:
        files: how many were looked at.
        models: those that load as a model, clean ones included.
        unread: files that could not be looked at, with why.
        ignored: how many a pattern left out.
    """

    files: int
    models: tuple[Scan, ...]
    unread: tuple[tuple[str, str], ...] = ()
    ignored: int = 0
