"""Write data/train.csv and data/holdout.csv from the 1 797 images of digits that ship inside scikit-learn.

One row is one image: an id, the digit, how much ink it has, and its 8 x 8 pixels from 0 to 16, row by row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

SEED = 17
HOLDOUT = 899


def main() -> None:
    digits = load_digits()
    images = pd.DataFrame(digits.data.astype(int), columns=[f"pixel_{at}" for at in range(64)])
    ink = np.where(digits.data.sum(axis=1) < np.median(digits.data.sum(axis=1)), "thin", "bold")
    images.insert(0, "ink", ink)
    images.insert(0, "digit", digits.target)
    images.insert(0, "image", [f"digit-{row:04d}" for row in range(len(images))])

    rows = np.random.default_rng(SEED).permutation(len(images))
    folder = Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    images.iloc[np.sort(rows[HOLDOUT:])].to_csv(folder / "train.csv", index=False)
    images.iloc[np.sort(rows[:HOLDOUT])].to_csv(folder / "holdout.csv", index=False)


if __name__ == "__main__":
    main()
