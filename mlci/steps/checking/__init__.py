"""The parts of data-check: each looks at one thing, and gives findings and what is worth reading beside them."""

from __future__ import annotations

from dataclasses import dataclass

from mlci.config.data import Data
from mlci.domain.dataset.profile import Profile
from mlci.domain.finding import Finding
from mlci.domain.report import Section
from mlci.ports import DataEngine, Opened


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one part found.

    Attributes:
        findings: what it judged, the gravest first.
        sections: what it has to show.
        assumptions: what it had to assume, one sentence each.
    """

    findings: tuple[Finding, ...] = ()
    sections: tuple[Section, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the data are compared with.

    Attributes:
        name: what it is, in words, such as "production version 4".
        profile: of its training data; None where it has none.
        digest: sha256 of that dataset, where it is known.
        columns: type of each of its columns, in order.
        rows: how many it has, where that is known.
        opened: its rows, where the reference is a file.
    """

    name: str
    profile: Profile | None = None
    digest: str | None = None
    columns: dict[str, str] | None = None
    rows: int | None = None
    opened: Opened | None = None


@dataclass(frozen=True, kw_only=True)
class Material:
    """What every part may look at.

    Attributes:
        engine: that counts.
        train: the training data.
        holdout: the holdout; None where the configuration names none, and where it is no table.
        reference: what they are compared with; None where there is nothing.
        settings: the block ``data`` of the configuration.
        target: column of the label; None where nobody named one.
        id: column that names an example; None where nobody named one.
        now: the time in UTC in the form of ISO 8601, against which times are held; None where none is.
    """

    engine: DataEngine
    train: Opened
    holdout: Opened | None
    reference: Reference | None
    settings: Data
    target: str | None
    id: str | None
    now: str | None = None
