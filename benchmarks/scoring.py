"""How fast ``model-ci`` scores a holdout beside scripts that let the model predict the same file, whole processes."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import Runs, in_turns, process, table, times

COLUMNS = [f"x{number}" for number in range(10)]
MODELS = {
    "LogisticRegression": "linear.joblib",
    "HistGradientBoosting": "trees.joblib",
    "torch, 10-64-64-2": "network.pt2",
}
FILES = {"CSV": "holdout.csv", "Parquet": "holdout.parquet"}


def make(folder: Path, rows: int) -> None:
    """Write a holdout in both formats, and every model, fitted on the first examples."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(11)
    features = random.standard_normal((max(rows, 5000), len(COLUMNS)))
    labels = (features.sum(axis=1) + random.standard_normal(len(features)) > 0).astype(int)
    frame = pd.DataFrame(features, columns=COLUMNS)
    fitted(folder, frame.iloc[:20_000], labels[:20_000])
    network(folder)
    whole = frame.assign(row=range(len(frame)), label=labels)[["row", *COLUMNS, "label"]].iloc[:rows]
    whole.to_csv(folder / FILES["CSV"], index=False)
    whole.to_parquet(folder / FILES["Parquet"])


def fitted(folder: Path, features: Any, labels: Any) -> None:
    """Write the models of scikit-learn."""
    import joblib
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    # No early stopping: always a hundred trees.
    trees = HistGradientBoostingClassifier(early_stopping=False, random_state=1)
    joblib.dump(LogisticRegression().fit(features, labels), folder / MODELS["LogisticRegression"])
    joblib.dump(trees.fit(features, labels), folder / MODELS["HistGradientBoosting"])


def network(folder: Path) -> None:
    """Write a small network that takes batches of any size; how well it predicts costs no time."""
    import torch
    from torch import nn

    torch.manual_seed(1)
    layers = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)).eval()
    batch = {"input": {0: torch.export.Dim("batch", min=2)}}
    program = torch.export.export(layers, (torch.zeros(8, 10),), dynamic_shapes=batch)
    torch.export.save(program, folder / MODELS["torch, 10-64-64-2"])


def probabilities(path: Path) -> Callable[[Any], Any]:
    """The usual way to ask a model."""
    if path.suffix != ".pt2":
        import joblib

        return joblib.load(path).predict_proba  # type: ignore[no-any-return]
    import torch

    module = torch.export.load(path).module()

    def ask(features: Any) -> Any:
        with torch.no_grad():
            return module(torch.from_numpy(features.to_numpy("float32"))).softmax(1).numpy()

    return ask


def script(model: Path, holdout: Path, target: str) -> None:
    """What a data scientist would write: read, predict, and where a target is named write it down."""
    import pandas as pd

    ask = probabilities(model)
    columns = [*COLUMNS, "row", "label"] if target else COLUMNS
    is_csv = holdout.suffix == ".csv"
    frame = pd.read_csv(holdout, usecols=columns) if is_csv else pd.read_parquet(holdout, columns=columns)
    said = ask(frame[COLUMNS])
    if target:
        score = said[:, 1]
        found = pd.DataFrame({
            "row": frame["row"], "label": frame["label"], "y_pred": (score >= 0.5).astype(int), "y_score": score
        })  # fmt: skip
        found.to_csv(target, index=False) if is_csv else found.to_parquet(target)


def ours(model: Path, holdout: Path, target: str) -> None:
    """What model-ci does with a candidate."""
    from mlci.adapters.disk.files import sha256
    from mlci.adapters.models.payload import find_payload
    from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter, score
    from mlci.domain.policy import Columns

    kept = Path(f"{target}-model")
    kept.mkdir(exist_ok=True)
    (kept / model.name).write_bytes(model.read_bytes())
    payload = find_payload(str(kept), model.name, False)
    asked = Asked(columns=Columns(id="row", target="label"), outputs="logits" if model.suffix == ".pt2" else "auto")
    interpreter = Interpreter(
        python=sys.executable, cwd=str(model.parent), environ=dict(os.environ), timeout=600, log=f"{target}.log"
    )
    found = score(payload, HoldoutFile(path=str(holdout), digest=sha256(str(holdout))), asked, interpreter, target, say)
    print(found.rows)


def say(line: str) -> None:
    """Where the scoring says how it goes."""
    print(line)


def measured(folder: Path, rows: int, rounds: int) -> list[list[object]]:
    """One line for each model and format."""
    lines: list[list[object]] = []
    for model, name in MODELS.items():
        for kind, file in FILES.items():
            given = [str(folder / name), str(folder / file)]
            program = [sys.executable, __file__]
            commands = {
                "ours": [*program, "--ours", *given, str(folder / "ours")],
                "predict": [*program, "--script", *given, ""],
                "write": [*program, "--script", *given, str(folder / f"written-{file}")],
            }
            runs = in_turns(commands, rounds, folder=folder)
            lines.append([model, kind, f"{rows:,}".replace(",", " "), *compared(runs, rows)])
    return lines


def compared(runs: dict[str, Runs], rows: int) -> list[object]:
    """Rows a second, and how many times as long as each script."""
    mine, predict, write = runs["ours"], runs["predict"], runs["write"]
    return [
        f"{rows / mine.median_s / 1000:.0f} k",
        f"{rows / predict.median_s / 1000:.0f} k",
        times(mine.least_s, predict.least_s),
        times(mine.median_s, predict.median_s),
        times(mine.cpu_s, predict.cpu_s),
        times(mine.least_s, write.least_s),
        times(mine.median_s, write.median_s),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=MODELS, help="leave the others out")
    parser.add_argument("--quick", action="store_true", help="one round of a few rows")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--script", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--ours", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        return make(given.make, given.rows)
    if given.script or given.ours:
        model, holdout, target = given.script or given.ours
        return (script if given.script else ours)(Path(model), Path(holdout), target)
    if given.quick:
        given.rows, given.rounds = 1000, 1
    for name in [name for name in MODELS if given.models and name not in given.models]:
        del MODELS[name]
    with tempfile.TemporaryDirectory() as name:
        process([sys.executable, __file__, "--make", name, "--rows", str(given.rows)])
        lines = measured(Path(name), given.rows, given.rounds)
    header = ["model", "holdout", "rows", "rows a second", "script's", "/ script, best", "median", "processor"]
    print(table([*header, "/ script that writes, best", "median"], lines))
    return None


if __name__ == "__main__":
    main()
