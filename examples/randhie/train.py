"""Train one of three models of who visits a doctor, and write its predictions on the holdout.

The data are the 20 190 person-years of the RAND Health Insurance Experiment that ship inside statsmodels
(``statsmodels.datasets.randhie``), so nothing is downloaded. Persons are not identified there, so rows of one person
cannot be grouped; a team that has person ids would write them to a ``group`` column.

    python train.py --recipe production --out predictions/production.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier
from statsmodels.datasets import randhie

SEED = 17
HOLDOUT = 6_057

# production: what runs today. careful: more trees, trained on everybody. careless: the same trees, but a filter meant
# to drop imputed answers about disability also dropped every disabled person from the training data.
RECIPES = {
    "production": {"max_iter": 60, "learning_rate": 0.05},
    "careful": {"max_iter": 200, "learning_rate": 0.1},
    "careless": {"max_iter": 100, "learning_rate": 0.05},
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--recipe", choices=RECIPES, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    given = arguments.parse_args()

    data = randhie.load_pandas().data
    visited = (data["mdvis"] > 0).to_numpy().astype(np.int64)
    features = data.drop(columns="mdvis").to_numpy()
    disability = data["physlm"].to_numpy()

    rows = np.random.default_rng(SEED).permutation(len(data))
    holdout, train = np.sort(rows[:HOLDOUT]), np.sort(rows[HOLDOUT:])
    if given.recipe == "careless":
        train = train[disability[train] == 0]

    model = HistGradientBoostingClassifier(random_state=SEED, **RECIPES[given.recipe])
    model.fit(features[train], visited[train])
    score = model.predict_proba(features[holdout])[:, 1]

    given.out.parent.mkdir(parents=True, exist_ok=True)
    status = np.select([disability[holdout] == 1, disability[holdout] == 0], ["disabled", "none"], "imputed")
    table = {
        "row": [f"randhie-{row:05d}" for row in holdout],
        "visited": visited[holdout],
        "y_score": score,
        "disability": status,
    }
    pq.write_table(pa.table(table), given.out)


if __name__ == "__main__":
    main()
