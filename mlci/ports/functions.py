"""Functions of the user's that measure a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """Examples with what one model said of them, as a function is given them; each of shape (n,) or absent.

    Attributes:
        truth: labels as whole numbers where they all read so, else as text; numbers of a regression.
        prediction: the same kind; what is missing is NaN or empty text.
        score: of the positive class, or of each class, shape (n, classes).
        weight: mean 1.
        blocks: which block each example is left out with, 0 … count - 1.
        count: number of blocks.
    """

    truth: NDArray[Any] | None
    prediction: NDArray[Any] | None
    score: NDArray[Any] | None
    weight: NDArray[np.float64]
    blocks: NDArray[np.int64]
    count: int


class Functions(Protocol):
    """Whoever calls functions of the user's. The gate has one; a look at evidence has none and needs none."""

    def digests(self) -> Mapping[str, str]:
        """sha256 of the file of each function, in hexadecimal, by the function as it is written in the policy."""
        ...

    def values(self, calls: Mapping[str, str], samples: Sequence[Sample]) -> list[dict[str, NDArray[np.float64]]]:
        """Call each function on each sample: with nothing left out, then without each block.

        Args:
            calls: the function, ``<file>.py:<name>``, by metric.
            samples: what it is called on.

        Returns:
            for each sample the values by metric, shape (1 + blocks,); NaN where a value is no finite number.

        Raises:
            CommandFailed, CommandTimedOut, CommandOutOfMemory: the function did not end well.
        """
        ...
