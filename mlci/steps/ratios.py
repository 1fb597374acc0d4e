"""Ratios of two columns of the user's, summed over all examples before they are divided, as a word error rate is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlci.domain.policy import MetricRule
from mlci.errors import ColumnMissing, Place
from mlci.stats.measure import Outputs
from mlci.steps.holdout import Holdout


def columns_of(rule: MetricRule) -> tuple[str, ...]:
    """The columns that a rule's metric is read from: two of a ratio, else the one it is named after."""
    return (rule.metric,) if rule.sum is None or rule.over is None else (rule.sum, rule.over)


def with_ratios(holdout: Holdout, rules: Sequence[MetricRule], files: Sequence[str]) -> Holdout:
    """The same with a column of two numbers for every ratio that is asked for, under the metric's name.

    Args:
        holdout: with the columns themselves.
        rules: what is asked.
        files: the names of the candidate's file and of production's.

    Raises:
        ColumnMissing: a column of a ratio is not in a file.
    """
    ratios = [(rule.metric, rule.sum, rule.over) for rule in rules if rule.sum is not None and rule.over is not None]
    if not ratios:
        return holdout

    def paired(outputs: Outputs, file: str) -> Outputs:
        columns = dict(outputs.columns)
        for name, above, below in ratios:
            for column in (above, below):
                if column not in outputs.columns:
                    raise ColumnMissing(f"there is no column {column}, which {name} is made of", place=Place(file))
            columns[name] = np.column_stack((outputs.columns[above], outputs.columns[below]))
        samples = outputs.samples
        if samples is not None:
            samples = replace(samples, outputs=paired(samples.outputs, file))
        return replace(outputs, columns=columns, samples=samples)

    lost = (replace(one, outputs=paired(one.outputs, file)) for one, file in zip(holdout.dropped, files, strict=False))
    return replace(
        holdout,
        candidate=paired(holdout.candidate, files[0]),
        baseline=None if holdout.baseline is None else paired(holdout.baseline, files[-1]),
        dropped=tuple(lost),
    )
