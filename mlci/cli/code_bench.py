"""What every check and scan of code-ci is run with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlci.config.model import Config

# Nothing here may find an accelerator, whatever library asks: CUDA's, ROCm's and JAX's own switches.
PROCESSORS = {
    "CUDA_VISIBLE_DEVICES": "",
    "HIP_VISIBLE_DEVICES": "",
    "ROCR_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every check is run with.

    Attributes:
        config: that decides.
        file: the configuration file.
        environ: of this process.
        child: what a check is started in, without tokens and without accelerators.
        folder: of the configuration, where checks run.
        top: of the repository; the folder where there is none.
        work: a folder of ours for what checks leave, empty at first.
        logs: where what they print is kept.
        only: names that were asked for; empty for all.
        tests: where pytest was told to write its JUnit file, by check.
    """

    config: Config
    file: str
    environ: Mapping[str, str]
    child: Mapping[str, str]
    folder: Path
    top: str
    work: Path
    logs: Path
    only: tuple[str, ...]
    tests: dict[str, str] = field(default_factory=dict)

    def wants(self, name: str) -> bool:
        """Whether a check or a scan was asked for."""
        return not self.only or name in self.only

    def log(self, name: str) -> str:
        """Where what a check prints is kept."""
        return str(self.logs / f"{name}.log")
