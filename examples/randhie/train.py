"""Train a model of who sees a doctor, and leave it where mlci looks for it."""

from __future__ import annotations

import os
from pathlib import Path

import joblib
import pandas as pd
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier


def main() -> None:
    params = yaml.safe_load(Path(os.environ["MLCI_TRAIN_PARAMS"]).read_text())
    people = pd.read_csv(os.environ["MLCI_TRAIN_DATA"])
    features = people.drop(columns=["row", "visited", "disability"])

    model = HistGradientBoostingClassifier(random_state=int(os.environ["MLCI_TRAIN_SEED"]), **params)
    model.fit(features, people["visited"])

    joblib.dump(model, Path(os.environ["MLCI_TRAIN_OUTPUT"]) / "model.joblib")
    print(f"trained {model.n_iter_} trees on {len(people)} person-years")


if __name__ == "__main__":
    main()
