"""What a look at a repository finds of a model: scripts, data, where it comes from. Facts only; nothing is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A file of rows.

    Attributes:
        path: within the folder, with / between folders.
        columns: their names in order; empty where they could not be read.
        splits: whether it is text, record by record, so that it can be split.
    """

    path: str
    columns: tuple[str, ...] = ()
    splits: bool = False


@dataclass(frozen=True)
class Values:
    """What the values of one column are to the rows of its file.

    Attributes:
        column: its name.
        rows: of the file.
        different: values among them.
        empty: whether any row has none.
    """

    column: str
    rows: int
    different: int
    empty: bool


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was found in one folder of a repository.

    Attributes:
        folder: its name.
        below: where it stands below the top of the repository; empty at the top.
        remote: address of the remote origin without credentials; None where there is none.
        branch: that changes are merged to, as far as the checkout knows; None where it does not.
        github: whether the repository has a folder .github.
        gitlab: whether the repository has a file .gitlab-ci.yml.
        stages: that this file lists, in order; none where it lists none or cannot be read.
        scripts: text by path of the Python files whose names speak of training, nearest to the top first.
        targets: targets of a Makefile whose names speak of training.
        commands: commands that pyproject.toml declares and whose names speak of training.
        data: files of rows.
        requirements: whether requirements.txt stands in the folder or at the top.
        project: whether the folder can be installed.
        python: version that .python-version names.
        beside: whether the repository has code outside of the folder, tests left out.
    """

    folder: str
    below: str = ""
    remote: str | None = None
    branch: str | None = None
    github: bool = False
    gitlab: bool = False
    stages: tuple[str, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    data: tuple[DataFile, ...] = ()
    requirements: bool = False
    project: bool = False
    python: str | None = None
    beside: bool = False

    def file(self, path: str) -> DataFile | None:
        """The file of rows of that path, where it was found."""
        return next((one for one in self.data if one.path == path), None)
