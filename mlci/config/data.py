"""The keys of mlci.yml that say how code and data are checked before anything is trained."""

# ruff: noqa: RUF009 - key() returns a dataclass field, as field() does

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from mlci.config.duration import Duration
from mlci.config.key import key

EngineName = Literal["auto", "duckdb", "gx", "spark"]


@dataclass(frozen=True)
class Scan:
    """What the repository is looked through for."""

    models: bool = key(
        default=True,
        owner="base",
        help="Whether every model file of the repository is walked for code that loading it would run.",
    )
    secrets: bool = key(
        default=False, owner="base", help="Whether files are searched for what looks like a credential."
    )
    dependencies: str | None = key(
        default=None,
        help="Command that looks known vulnerabilities of the dependencies up, by its exit.",
        example="pip-audit -r requirements.txt",
    )
    ignore: tuple[str, ...] = key(
        default=(), owner="base", help="Patterns of files that are not scanned.", example='["tests/data/**"]'
    )


@dataclass(frozen=True)
class Code:
    """Checks of the code, run before anything is trained."""

    budget: Duration = key(default=Duration(300), help="Time that all checks together may take.", example="5m")
    checks: dict[str, str] = key(
        factory=dict,
        help="Commands to run, by name; left out, the usual ones that the repository is set up for are found.",
        names="check",
        example="{lint: flake8 src/}",
    )
    jobs: int = key(default=0, minimum=0, maximum=64, help="Checks at once; 0 for as many as there are processors.")
    smoke: str | None = key(
        default=None,
        help="Profile of train.profiles to train by on a part of the data, to see that it runs; left out, nothing is "
        "trained.",
    )
    scan: Scan = key(factory=Scan, help="What the repository is looked through for.")


@dataclass(frozen=True)
class Dataset:
    """One set of data."""

    main: ClassVar[tuple[str, ...]] = ("path",)

    path: str | None = key(default=None, help="File or folder, relative to mlci.yml.")
    contract: str | None = key(
        default=None,
        owner="base",
        help="File that says what the data must look like: a contract, or a suite of Great Expectations.",
    )
    version: str | None = key(
        default=None,
        pattern=r"dvc|lakefs|object-store|git-lfs|git|content",
        pattern_help="dvc, lakefs, object-store, git-lfs, git or content",
        help="What gives the data its version; left out, it is found out, and else the content does.",
        example="dvc",
    )
    object: str | None = key(
        default=None,
        pattern=r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*/[^?#\x00-\x1f]*[^?#/\x00-\x1f]",
        pattern_help="the address of one object, such as s3://bucket/key, without user, password or query",
        repeated=False,
        help="Object that the file is a copy of, in a bucket that keeps versions: s3://, gs:// or az://. The version "
        "that the store gives it is then the data's, unless version says otherwise.",
        example="s3://datasets/trips/train.parquet",
    )
    database: str | None = key(
        default=None,
        help="Address of the database that holds it, instead of a path; a reference such as ${DATABASE_URL} keeps it "
        "out of the file.",
    )
    query: str | None = key(default=None, help="SELECT that gives the data in that database.")


@dataclass(frozen=True)
class Drift:
    """How far data may move from what production was trained on."""

    psi: float = key(default=0.02, minimum=0, help="Largest accepted population stability index of a column.")
    js: float | None = key(
        default=None, minimum=0, maximum=1, help="Largest accepted Jensen-Shannon distance of a column (base 2)."
    )
    wasserstein: float | None = key(
        default=None,
        minimum=0,
        help="Largest accepted Wasserstein distance of a column, in standard deviations of the reference.",
    )
    ks: float | None = key(
        default=None, minimum=0, maximum=1, help="Largest accepted Kolmogorov-Smirnov distance of a column."
    )
    chi2: float | None = key(
        default=None, minimum=0, maximum=1, help="Largest accepted Cramér's V between reference and data of a category."
    )
    max_missing_increase: float = key(
        default=0.02, minimum=0, maximum=1, help="Largest accepted increase of the share of missing values."
    )
    multivariate: float | None = key(
        default=None,
        minimum=0.5,
        maximum=1,
        help="Largest accepted area under the curve of a classifier that tells reference rows from these; needs the "
        "rows of a reference file. Left out, it is not asked.",
    )
    confidence: float = key(
        default=0.95, minimum=0.5, maximum=0.9999, help="Level at which a column must be shown to have moved."
    )
    ignore: tuple[str, ...] = key(default=(), help="Columns that may move, such as ids and dates.")
    on_drift: Literal["fail", "warn"] = key(default="fail", help="What a column that moved too far does.")


@dataclass(frozen=True)
class Leakage:
    """How leaks from training into holdout data, and from the target into a feature, are found."""

    main: ClassVar[tuple[str, ...]] = ("key",)

    overlap: float = key(
        default=0.0,
        minimum=0,
        maximum=1,
        help="Largest accepted share of the holdout whose rows also stand in the training data, beyond what chance "
        "repeats.",
    )
    time: str | None = key(
        default=None, help="Column of the time of an example; training may hold none that is later than the holdout's."
    )
    target: float = key(
        default=0.99,
        minimum=0.5,
        maximum=1,
        help="Largest accepted share of what one column alone says of the target: 0.5 is nothing, 1 everything. For "
        "classes the area under the curve, for a number half and half of what it explains.",
    )
    ignore: tuple[str, ...] = key(default=(), help="Columns that may say as much of the target as they like.")
    # Last, because it hides the function of its name from what would follow.
    key: str | None = key(default=None, help="Column whose values may not stand in both training and holdout data.")


@dataclass(frozen=True)
class Poisoning:
    """Signs that somebody put something into the data, or that a source went wrong."""

    flips: float = key(
        default=0.001,
        minimum=0,
        maximum=1,
        help="Largest accepted share of rows whose label differs from the reference's for the same content, beyond "
        "what the reference itself contradicts.",
    )
    labels: float = key(
        default=0.1, minimum=0, maximum=1, help="Largest accepted change of the share of a label since the reference."
    )
    source: str | None = key(default=None, help="Column that says where a row comes from, such as an upload or a site.")
    sources: float = key(
        default=0.2, minimum=0, maximum=1, help="Largest accepted change of the share of a source since the reference."
    )
    outliers: float = key(
        default=0.01,
        minimum=0,
        maximum=1,
        help="Largest accepted share of rows in a cluster far from all others, where it leans to one label.",
    )
    ignore: tuple[str, ...] = key(default=(), help="Columns in which rows may be far out, or texts odd.")
    text: Literal["fail", "warn", "allow"] = key(
        default="warn", help="What texts do that hold control characters, or that a spreadsheet would run as a formula."
    )


@dataclass(frozen=True)
class Data:
    """The data that a model is trained and judged on."""

    train: Dataset = key(factory=Dataset, owner="head", help="What the model is trained on.")
    holdout: Dataset = key(factory=Dataset, help="What candidate and production are judged on.")
    reference: str = key(
        default="production",
        help="What new data is compared with: production, or the path of a data file or of data evidence.",
    )
    engine: EngineName = key(
        default="auto",
        help="What counts: duckdb in this process; gx, Great Expectations on pandas or on the database; spark, Great "
        "Expectations on Spark. auto is duckdb for files and gx for a database.",
    )
    memory: str = key(
        default="500MB",
        pattern=r"[1-9][0-9]{0,5}(MB|GB)",
        pattern_help="a number with MB or GB",
        help="Memory that the engine may use before it goes to disk.",
    )
    required: bool | None = key(
        default=None,
        help="Whether nothing is trained without evidence that exactly these bytes passed; left out, it is so where a "
        "contract is named.",
    )
    sample: int = key(
        default=20, minimum=0, maximum=1000, help="Rows that are named, at most, for each rule that they break."
    )
    show_values: bool = key(
        default=False, help="Whether the offending values stand in the report; else only what names their rows."
    )
    drift: Drift = key(factory=Drift, help="Practical limits of drift; noise is accounted for on top.")
    leakage: Leakage = key(factory=Leakage, help="How leaks from training into holdout data are found.")
    poisoning: Poisoning = key(factory=Poisoning, help="Signs of tampering, and how many are too many.")
