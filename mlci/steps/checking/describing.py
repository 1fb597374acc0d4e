"""What a dataset of images, texts or chats is like, and what of it cannot be used, whatever its contract says."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.dataset.media import Medium, medium_of
from mlci.domain.figures import count, percent
from mlci.domain.finding import Finding, Reason
from mlci.domain.report import Section
from mlci.domain.verdict import Verdict
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import Material, Part, sql

_ONE: dict[Medium, str] = {"images": "image", "texts": "text", "chats": "chat"}
# What is told in shares, and what in quantiles.
_SHARES: dict[Medium, tuple[str, ...]] = {
    "images": ("label", "format", "mode"),
    "texts": ("label", "language"),
    "chats": ("label", "language", "roles", "keys"),
}
_SIZES: dict[Medium, tuple[str, ...]] = {
    "images": ("width", "height", "bytes"),
    "texts": ("chars", "words"),
    "chats": ("messages", "chars", "longest"),
}
_MOST = 12


def run(material: Material) -> Part:
    """Describe each side that is no table."""
    findings: list[Finding] = []
    sections: list[Section] = []
    for role, opened in (("train", material.train), ("holdout", material.holdout)):
        medium = medium_of(opened.columns) if opened is not None else None
        if opened is not None and medium is not None and opened.rows:
            findings += _unusable(material, opened, role, medium)
            if role == "train":
                sections.append(_described(material.engine, opened, medium))
    return Part(findings=tuple(findings), sections=tuple(sections))


def _unusable(material: Material, opened: Opened, role: str, medium: Medium) -> Iterator[Finding]:
    bad, again, empty = material.engine.rows(
        "SELECT sum(CASE WHEN readable THEN 0 ELSE 1 END), count(content) - count(DISTINCT content), "
        f"{'0' if medium == 'images' else 'sum(CASE WHEN words = 0 THEN 1 ELSE 0 END)'} FROM {opened.relation}"
    )[0]
    one, side = _ONE[medium], "the training data" if role == "train" else "the holdout"
    if bad:
        sample = material.engine.rows(
            f"SELECT path, trouble FROM {opened.relation} WHERE NOT readable ORDER BY path LIMIT 3"
        )
        named = "; ".join(f"{path}: {trouble}" for path, trouble in sample)
        message = (
            f"{count(int(bad))} of {count(opened.rows)} {medium} of {side} ({percent(int(bad) / opened.rows)}) "
            f"cannot be read: {named}"
        )
        why = (
            f"Training stops at such a file, or skips it and says nothing. Take it out or replace it; what is accepted "
            f"says the contract ({medium if medium == 'images' else 'texts'}: unreadable)."
        )
        yield _finding(f"unreadable[{role}]", Verdict.WARN, message, "unreadable", why, opened.rows)
    if again:
        message = (
            f"{count(int(again))} of {count(opened.rows)} {medium} of {side} ({percent(int(again) / opened.rows)}) "
            "have the content of another one"
        )
        why = (
            f"What is there twice weighs twice, and splits over training and holdout. Keep one {one} of each; what is "
            "accepted says the contract (duplicates)."
        )
        yield _finding(f"duplicates[{role}]", Verdict.WARN, message, "violated", why, opened.rows)
    if empty:
        message = f"{count(int(empty))} of {count(opened.rows)} {medium} of {side} hold no word"
        why = f"Nothing is learned from an empty {one}. Take it out, or find out what was lost on its way."
        yield _finding(f"empty[{role}]", Verdict.WARN, message, "empty", why, opened.rows)
    if not (bad or again or empty):
        message = f"all {count(opened.rows)} {medium} of {side} can be read, and none is there twice"
        yield Finding(id=f"media:{role}", rule="data", verdict=Verdict.PASS, message=message, n=opened.rows)


def _finding(name: str, verdict: Verdict, message: str, reason: Reason, why: str, n: int) -> Finding:
    return Finding(
        id=f"media:{name}", rule="data", verdict=verdict, message=message, reason=reason, explanation=why, n=n
    )  # fmt: skip


def _described(engine: DataEngine, opened: Opened, medium: Medium) -> Section:
    rows: list[tuple[str, str]] = []
    figures: dict[str, float] = {medium: float(opened.rows)}
    for column in _SHARES[medium]:
        found = engine.rows(
            f"SELECT {sql.name(column)}, count(*) AS n FROM {opened.relation} GROUP BY 1 ORDER BY n DESC, 1 "
            f"LIMIT {_MOST + 1}"
        )
        listed = [f"{'none' if value is None else value}: {count(int(n))}" for value, n in found[:_MOST]]
        rows.append((column, ", ".join([*listed, *(["…"] if len(found) > _MOST else [])])))
    for column in _SIZES[medium]:
        quartiles = ", ".join(f"quantile_cont({sql.name(column)}, {q})" for q in (0.25, 0.5, 0.75))
        low, first, middle, third, high = engine.rows(
            f"SELECT min({sql.name(column)}), {quartiles}, max({sql.name(column)}) FROM {opened.relation}"
        )[0]
        if low is not None:
            rows.append(
                (column, f"{count(low)} to {count(high)}, half of them {count(round(first))} to {count(round(third))}")
            )
            figures[f"median_{column}"] = float(middle)
    return Section(
        id="media", title=f"{count(opened.rows)} {medium}", columns=("what", "found"), rows=tuple(rows),
        figures=figures, folded=False,
    )  # fmt: skip
