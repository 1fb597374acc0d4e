"""Write data/train.csv and data/holdout.csv from the RAND Health Insurance Experiment.

The data are the 20 190 person-years that ship inside statsmodels (``statsmodels.datasets.randhie``), so nothing is
downloaded. Persons are not identified there, so rows of one person cannot be kept together; a team that has person ids
would split by person and name that column under ``evaluate.group``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from statsmodels.datasets import randhie

SEED = 17
HOLDOUT = 6_057


def main() -> None:
    people = randhie.load_pandas().data
    people.insert(0, "row", [f"randhie-{row:05d}" for row in range(len(people))])
    people["visited"] = (people.pop("mdvis") > 0).astype(int)
    # Whether somebody is disabled was asked; a fraction stands where the answer was imputed.
    answers = [people["physlm"] == 1, people["physlm"] == 0]
    people["disability"] = np.select(answers, ["disabled", "able"], "imputed")

    rows = np.random.default_rng(SEED).permutation(len(people))
    folder = Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    people.iloc[np.sort(rows[HOLDOUT:])].to_csv(folder / "train.csv", index=False)
    people.iloc[np.sort(rows[:HOLDOUT])].to_csv(folder / "holdout.csv", index=False)


if __name__ == "__main__":
    main()
