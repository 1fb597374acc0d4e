"""What is new since production was trained: whether the bytes are the same, and how many rows came."""

from __future__ import annotations

from mlci.domain.dataset.evidence import Identity, Since
from mlci.domain.figures import count, several
from mlci.domain.report import Section
from mlci.steps.checking import Material, Reference
from mlci.steps.checking.sql import name


def compare(material: Material, identity: Identity) -> Since | None:
    """Compare the training data with the reference; None without one.

    New rows are counted by the key where the rows of the reference are at hand, else by their content; from a profile
    alone by a column of times, and at last by how many rows more there are.

    Args:
        material: the data at hand.
        identity: of the training data.
    """
    reference = material.reference
    if reference is None:
        return None
    same = reference.digest == identity.digest
    before = _rows_before(reference)
    new, how = (0, "these are the very same bytes") if same else _new_rows(material, reference, before)
    return Since(
        reference=reference.name, digest=reference.digest, same=same, rows_before=before,
        rows_now=material.train.rows, new_rows=new, how=how,
    )  # fmt: skip


def section(found: Since) -> Section:
    """What is new, for a reader."""
    if found.same:
        said = f"The training data are the very same bytes as those of {found.reference}."
    else:
        rows = several(found.rows_now, "row") if found.rows_now is not None else "unknown rows"
        before = f"; there it had {count(found.rows_before)}" if found.rows_before is not None else ""
        said = f"The training data are other bytes than those of {found.reference}: {rows}{before}."
    new = () if found.same else (_new(found),)
    figures = {"rows_before": found.rows_before, "rows_now": found.rows_now, "new_rows": found.new_rows}
    return Section(
        id="since",
        title=f"Since {found.reference}",
        sentences=(said, *new),
        figures={name: float(value) for name, value in figures.items() if value is not None},
    )


def _new(found: Since) -> str:
    if found.new_rows is None:
        return f"How many rows are new is not known: {found.how}."
    return f"{count(found.new_rows)} of them {'is' if found.new_rows == 1 else 'are'} new, {found.how}."


def _rows_before(reference: Reference) -> int | None:
    if reference.rows is not None:
        return reference.rows
    return reference.profile.rows if reference.profile is not None else None


def _new_rows(material: Material, reference: Reference, before: int | None) -> tuple[int | None, str]:
    train, key = material.train, material.settings.leakage.key or material.id
    if reference.opened is not None:
        there = reference.opened
        if key is not None and key in train.columns and key in there.columns:
            return _by_key(material, key), f"counted by {key}: values that the reference does not have"
        shared = [column for column in train.columns if column in there.columns]
        if shared and len(shared) == len(train.columns):
            return _by_content(material, shared), "counted by content: rows that the reference does not have"
    time = material.settings.leakage.time
    known = reference.profile.column(time) if reference.profile is not None and time is not None else None
    if time is not None and time in train.columns and known is not None and known.maximum is not None:
        newer = _newer(material, time, known.maximum, known.kind == "time")
        return newer, f"counted by {time}: rows later than the latest of the reference"
    if before is None:
        return None, "nothing is known of its rows"
    more = train.rows - before
    if more < 0:
        return None, "there are fewer rows than before, and nothing names a row (data.leakage.key)"
    return more, "counted by how many more there are, so that rows which were exchanged are not among them"


def _by_key(material: Material, key: str) -> int:
    train, reference = material.train.relation, _reference(material)
    ((found,),) = material.engine.rows(
        f"SELECT count(*) FROM {name(train)} AS a WHERE a.{name(key)} IS NOT NULL AND NOT EXISTS "
        f"(SELECT 1 FROM {name(reference)} AS b WHERE b.{name(key)} = a.{name(key)})"
    )
    return int(found)


def _by_content(material: Material, columns: list[str]) -> int:
    listed = ", ".join(map(name, columns))
    ((found,),) = material.engine.rows(
        f"SELECT count(*) FROM (SELECT {listed} FROM {name(material.train.relation)} EXCEPT ALL "
        f"SELECT {listed} FROM {name(_reference(material))}) AS fresh"
    )
    return int(found)


def _newer(material: Material, time: str, latest: float, is_time: bool) -> int:
    value = f"epoch(CAST({name(time)} AS TIMESTAMP))" if is_time else name(time)
    ((found,),) = material.engine.rows(
        f"SELECT count(*) FROM {name(material.train.relation)} WHERE {value} > {latest!r}"
    )
    return int(found)


def _reference(material: Material) -> str:
    assert material.reference is not None  # noqa: S101 - the caller has looked
    assert material.reference.opened is not None  # noqa: S101
    return material.reference.opened.relation
