"""What init writes so that code and data are checked before anything is trained: a drafted contract, and switches."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mlci.config.quote import one_line
from mlci.errors import ExtraMissing, MlciError
from mlci.surface.pin import OWNER_AND_NAME, PIN

SCHEMA = f"https://raw.githubusercontent.com/{OWNER_AND_NAME}/{PIN.sha}/docs/reference/contract.schema.json"
# Where the contract of the training data stands, from the folder of mlci.yml.
CONTRACT = "contracts/train.yml"
# Looking at more than this takes longer than anybody waits for init.
LARGEST = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """The contract of the training data.

    Attributes:
        path: as mlci.yml names it; None where there is none.
        text: what is written there; None where it is there already.
        told: what a person has to know of it.
    """

    path: str | None = None
    text: bytes | None = None
    told: str


def contract_of(folder: Path, data: str, content: bytes | None) -> Drafted:
    """A contract that the training data meet today.

    Args:
        folder: of mlci.yml.
        data: the training data, from there.
        content: of that file, where it is yet to be written.
    """
    later = f"mlci data-profile --data {one_line(data)} --output {CONTRACT}"
    if os.path.lexists(folder / CONTRACT):
        return Drafted(path=CONTRACT, told=f"{CONTRACT} was there; the training data are held to it.")
    place = folder / data
    size = len(content) if content is not None else place.stat().st_size if place.is_file() else None
    if size is None or size > LARGEST:
        why = "is no file" if size is None else "is large"
        return Drafted(told=f"No contract was drafted, because {one_line(data)} {why}: {later}\ndrafts one.")
    try:
        text = _drafted(place, data, content)
    except ExtraMissing as error:
        return Drafted(told=f"No contract was drafted, because {error.cause}. {error.help}, and then\n    {later}")
    except MlciError as error:
        return Drafted(told=f"No contract was drafted: {error.cause}")
    told = f"{CONTRACT} says what the training data are like today. Read it, and tighten what you know better."
    return Drafted(path=CONTRACT, text=text.encode(), told=told)


def _drafted(place: Path, data: str, content: bytes | None) -> str:
    from mlci.adapters.datasets import open_engine
    from mlci.ports import DataSource
    from mlci.steps import data_profile

    with tempfile.TemporaryDirectory(prefix="mlci-init-", ignore_cleanup_errors=True) as work:
        if content is not None:
            place = Path(work, place.name)
            place.write_bytes(content)
        with closing(open_engine("duckdb", memory="500MB", folder=work)) as engine:
            opened = engine.open(DataSource(role="train", name=one_line(data), path=str(place)), {})
            return data_profile.run(engine, opened, SCHEMA)


def checks_code(folder: Path, top: Path, environ: Mapping[str, str]) -> bool:
    """Whether code-ci would find something to run; what is not installed here may be where the pipeline runs."""
    from mlci.adapters.checks.discovered import Setup, discovered

    return bool(discovered(Setup(folder=str(folder), top=str(top), python=sys.executable, environ=environ)))


NOTHING_CHECKED = (
    "Nothing was found that checks the code, neither tests nor settings of ruff, flake8 or mypy, so check-code of the "
    "pipeline is off. Name commands under code.checks of mlci.yml, and take that line out."
)
