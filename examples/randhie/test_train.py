"""That training runs on a small part of the data and leaves a model that can be loaded; seconds, and no GPU."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import joblib
import pandas as pd
import train

FOLDER = Path(__file__).parent


class Training(unittest.TestCase):
    def test_a_small_part_of_the_data_gives_a_model_that_learns_from_no_answer(self) -> None:
        people = pd.read_csv(FOLDER / "data" / "train.csv", nrows=600)
        with tempfile.TemporaryDirectory() as place:
            people.to_csv(Path(place) / "part.csv", index=False)
            given = {"PARAMS": str(FOLDER / "params.yml"), "DATA": f"{place}/part.csv", "SEED": "17", "OUTPUT": place}
            with mock.patch.dict(os.environ, {f"MLCI_TRAIN_{name}": value for name, value in given.items()}):
                train.main()
            model = joblib.load(Path(place) / "model.joblib")
        assert not {"row", "visited", "disability"} & set(model.feature_names_in_)
