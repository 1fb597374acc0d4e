"""The data that a model is trained and judged on, as evidence: which data, by what rules, with what verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.dataset.measured import Judged
from mlci.domain.dataset.profile import Profile
from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict

# What gives a dataset its version. content is its own digest.
System = Literal["content", "dvc", "lakefs", "s3", "gcs", "azure", "git-lfs", "git", "query"]


@dataclass(frozen=True, kw_only=True)
class DatasetVersion:
    """A name under which somebody else keeps these very data."""

    system: System = field(metadata={"help": "What gives the version."})
    id: str = field(metadata={"help": "The version there, such as a commit, a version id or a digest."})
    where: str | None = field(default=None, metadata={"help": "Repository, bucket or file that holds it."})


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which data these are."""

    name: str = field(metadata={"help": "Path or query, as mlci.yml names it, without secrets."})
    digest: str = field(
        metadata={
            "help": "sha256 in hexadecimal: of the file, of the manifest of the folder, or of the query with the "
            "fingerprint of what it gave."
        }
    )
    size: int | None = field(default=None, metadata={"help": "Bytes; absent where it is no file."})
    files: int | None = field(default=None, metadata={"help": "Files; absent where it is no file."})
    rows: int | None = field(default=None, metadata={"help": "Rows, or examples of a folder."})
    version: DatasetVersion = field(metadata={"help": "Who else keeps it, under which name."})
    query: str | None = field(default=None, metadata={"help": "sha256 of the exact query, where a database has it."})


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One of the datasets, with what was asked of it."""

    role: Literal["train", "holdout"] = field(metadata={"help": "What it is for."})
    identity: Identity = field(metadata={"help": "Which data these are."})
    contract: str | None = field(default=None, metadata={"help": "sha256 of the contract; absent without one."})
    rules: tuple[Judged, ...] = field(default=(), metadata={"help": "Every rule and how it came out."})
    columns: dict[str, str] = field(default_factory=dict, metadata={"help": "Type of each column by name, in order."})


@dataclass(frozen=True, kw_only=True)
class Since:
    """What is different from the data that production was trained on."""

    reference: str = field(metadata={"help": "What it is compared with, in words."})
    digest: str | None = field(default=None, metadata={"help": "sha256 of that dataset, where it is known."})
    same: bool = field(metadata={"help": "Whether these are the very same bytes."})
    rows_before: int | None = field(default=None, metadata={"help": "Rows there."})
    rows_now: int | None = field(default=None, metadata={"help": "Rows here."})
    new_rows: int | None = field(default=None, metadata={"help": "Rows that are not there; absent where unknown."})
    how: str = field(default="", metadata={"help": "How new rows were counted, as a sentence."})


@dataclass(frozen=True, kw_only=True)
class DataPredicate:
    """What data-check found."""

    model: str | None = field(default=None, metadata={"help": "Name of the model, where the configuration names it."})
    datasets: tuple[Checked, ...] = field(metadata={"help": "The training data first, then the holdout."})
    engine: str = field(metadata={"help": "What counted, with its version, such as duckdb 1.4.0."})
    verdict: Verdict = field(metadata={"help": "The worst counted finding."})
    reason: str = field(metadata={"help": "The verdict's one reason."})
    findings: tuple[Finding, ...] = field(metadata={"help": "Everything that was judged."})
    profile: Profile | None = field(
        default=None, metadata={"help": "What the training data are like; absent where they are no table."}
    )
    since: Since | None = field(default=None, metadata={"help": "What is new; absent without anything to compare."})
    policy: str = field(metadata={"help": "sha256 of the settings that judged, besides the contracts."})
    mlci: str = field(metadata={"help": "Version of mlci that judged."})

    def of(self, role: Literal["train", "holdout"]) -> Checked | None:
        """The dataset of a role."""
        return next((one for one in self.datasets if one.role == role), None)
