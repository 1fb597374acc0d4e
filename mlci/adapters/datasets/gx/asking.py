"""Great Expectations, quiet: what it found of a table for a list of expectations."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlci.errors import ExtraMissing

# Its results hold no value of the data but what is observed.
_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


class Asking:
    """A context of its own that nothing is kept of.

    Attributes:
        version: of Great Expectations.
    """

    def __init__(self) -> None:
        """Start it.

        Raises:
            ExtraMissing: it is not installed.
        """
        # Read when it is imported, and when it is asked the first time.
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
        try:
            with quiet():
                import great_expectations as gx
        except ImportError as error:
            raise ExtraMissing("the engine gx needs Great Expectations", help='pip install "mlci[gx]"') from error
        self._gx = gx
        self.version: str = gx.__version__
        with quiet():
            self._context = gx.get_context(mode="ephemeral")
            bars: Any = {"globally": False}
            self._context.variables.progress_bars = bars
        self._assets = 0

    @property
    def sources(self) -> Any:
        """Where its data sources are added."""
        return self._context.data_sources

    def name(self) -> str:
        """A name that is not taken yet."""
        self._assets += 1
        return f"asset_{self._assets}"

    def ask(self, batch: Any, asked: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Mapping[str, Any] | str]:
        """Have it count.

        Args:
            batch: of one of its assets.
            asked: expectations by name, with their arguments.

        Returns:
            For each the result, or why there is none.
        """
        suite = self._gx.ExpectationSuite(name=self.name())
        found: list[Mapping[str, Any] | str] = ["it gave no result"] * len(asked)
        with quiet():
            # The same expectation may be asked for two rules, and is counted once.
            places: dict[str, list[int]] = {}
            for place, (name, kwargs) in enumerate(asked):
                same = places.setdefault(f"{name} {sorted(kwargs.items(), key=str)}", [])
                same.append(place)
                if len(same) == 1:
                    try:
                        suite.add_expectation(self._made(name, kwargs, place))
                    except (ValueError, TypeError) as error:
                        found[place] = _first_line(error)
            if suite.expectations:
                try:
                    results = batch.validate(suite, result_format=_FORMAT).results
                except Exception as error:  # noqa: BLE001 - a value it cannot write down takes all others with it
                    return [_first_line(error)] * len(asked)
                for result in results:
                    found[result.expectation_config.meta["place"]] = result.result or _why(result.exception_info)
            for first, *others in places.values():
                for other in others:
                    found[other] = found[first]
        return found

    def _made(self, name: str, kwargs: Mapping[str, Any], place: int) -> Any:
        kind = "".join(word.capitalize() for word in name.split("_"))
        return getattr(self._gx.expectations, kind)(**kwargs, meta={"place": place})


def _why(info: Mapping[str, Any]) -> str:
    """The message of an exception; that of a metric lies one level deeper."""
    first: Any = info if "exception_message" in info else next(iter(info.values()), None)
    said = first.get("exception_message") if isinstance(first, Mapping) else None
    return _first_line(said or "it failed")


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0][:200]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without its log, which holds the whole traceback of every rule that fails, and without its warnings."""
    logger = logging.getLogger("great_expectations")
    before = logger.level, logger.propagate
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before[0])
        logger.propagate = before[1]
