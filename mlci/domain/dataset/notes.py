"""Findings on the data that no rule of a contract makes: which data they are, and whose contract they are held to."""

from __future__ import annotations

from collections.abc import Sequence

from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict


def contract_not_yet_merged(names: Sequence[str]) -> Finding:
    """Tell that the data were held to a contract that the branch to merge to does not have."""
    return Finding(
        id="policy:contract-not-yet-merged",
        rule="policy",
        verdict=Verdict.WARN,
        reason="policy-not-yet-merged",
        message=f"the branch to merge to has no {' and no '.join(names)} yet: the data were held to the change's own",
        explanation=(
            "A change that brings its own contract can ask for as little as it likes. "
            "Review the contract with it; once it is merged, it decides about every later change."
        ),
    )


def version_broken(role: str, why: str, *, asked: str | None) -> Finding:
    """Tell that data are not those that their version names.

    Args:
        role: of the dataset.
        why: a sentence.
        asked: the system that the configuration demands a version of; None where one was found beside the data.
    """
    setting = f"data.{role}.version"
    if asked == "object-store":
        remedy = (
            f"Upload what lies here into a bucket that keeps versions, or leave data.{role}.object and {setting} out."
        )
    elif asked is not None:
        remedy = f"Record what lies here with {asked}, or leave {setting} out."
    else:
        remedy = f"Record what lies here as a new version; {setting}: content says that their digest is enough."
    return Finding(
        id=f"data:version[{role}]",
        rule="data",
        verdict=Verdict.WARN if asked is None else Verdict.FAIL,
        reason="altered",
        message=f"the version of the {_named(role)} does not hold: {why}",
        explanation=f"Whoever fetches that version may get other data than were checked. {remedy}",
    )


def unreadable(role: str, error: str, help: str | None) -> Finding:
    """Tell that a dataset cannot be read at all.

    Args:
        role: of the dataset.
        error: what is wrong, as a sentence.
        help: what to do about it; None where nothing special is known.
    """
    return Finding(
        id=f"data:unreadable[{role}]",
        rule="data",
        verdict=Verdict.FAIL,
        reason="unreadable",
        message=f"the {_named(role)} cannot be checked: {error}",
        explanation=(
            "What cannot be read whole cannot be trained on, and nothing else about it is known. "
            + (f"{help[0].upper()}{help[1:]}." if help else "Write the file again from its source.")
        ),
    )


def _named(role: str) -> str:
    return {"train": "training data", "holdout": "holdout"}.get(role, "reference data")
