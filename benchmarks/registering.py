"""How long a model takes to become a version of an MLflow registry in a SQLite file: ours, and MLflow's own ways."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from measure import Run, Runs, process, table, times

OURS = "mlci"
PEERS = {
    "mlflow.sklearn.log_model, requirements given": "given",
    "mlflow.sklearn.log_model, requirements inferred": "inferred",
    "MlflowClient: log_artifacts, create_model_version": "client",
}
METRICS = dict.fromkeys(("accuracy", "f1", "roc_auc", "pr_auc", "log_loss", "brier"), 0.9)
PARAMS = {"max_iter": "100", "C": "1.0", "solver": "lbfgs"}
TAGS = {f"mlci.{name}": "0" * 64 for name in ("commit", "data", "inputs", "evidence", "environment", "holdout")}
STATE, NAME = "state", "churn"


def make(folder: Path) -> None:
    """Write a model with what is kept beside it."""
    import joblib
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    features = np.random.default_rng(5).standard_normal((2000, 10))
    (folder / "entry" / "model").mkdir(parents=True)
    (folder / "entry" / "mlci").mkdir()
    joblib.dump(
        LogisticRegression().fit(features, features.sum(axis=1) > 0), folder / "entry" / "model" / "model.joblib"
    )
    (folder / "entry" / "mlci" / "candidate.csv").write_text("row,label,y_score\n" + "1,1,0.5\n" * 10_000)


def ours(folder: Path) -> None:
    """Register as model-ci does."""
    from mlci.adapters.mlflow import open_registry
    from mlci.ports import Entry

    registry = open_registry(f"sqlite:///{STATE}/mlflow.db", os.environ, folder=".", writing=True)
    # No model before it has this digest, so that it becomes a version.
    entry = Entry(
        digest=os.urandom(32).hex(), folder=str(folder / "entry"), tags=TAGS, params=PARAMS, metrics=METRICS,
        description="A model.",
    )  # fmt: skip
    print(registry.register(NAME, entry).number)


def peer(folder: Path, way: str) -> None:
    """Register the same model, parameters, metrics and tags by the library alone."""
    import joblib
    import mlflow

    uri = f"sqlite:///{STATE}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = mlflow.MlflowClient()
    Path(STATE).mkdir(exist_ok=True)
    if client.get_experiment_by_name(NAME) is None:
        client.create_experiment(NAME, artifact_location=(Path.cwd() / STATE / "artifacts").as_uri())
    mlflow.set_experiment(NAME)
    with mlflow.start_run() as run:
        mlflow.log_params(PARAMS)
        mlflow.log_metrics(METRICS)
        if way == "client":
            mlflow.log_artifacts(str(folder / "entry"))
            if not client.search_registered_models(f"name = '{NAME}'"):
                client.create_registered_model(NAME)
            version = client.create_model_version(NAME, f"{run.info.artifact_uri}/model", run.info.run_id, tags=TAGS)
        else:
            model = joblib.load(folder / "entry" / "model" / "model.joblib")
            pinned = {"pip_requirements": ["scikit-learn"]} if way == "given" else {}
            mlflow.sklearn.log_model(
                model, name="model", registered_model_name=NAME, serialization_format="cloudpickle", **pinned
            )
            mlflow.log_artifacts(str(folder / "entry" / "mlci"), "mlci")
            version = client.search_model_versions(f"name = '{NAME}'", max_results=1)[0]
            for name, value in TAGS.items():
                client.set_model_version_tag(NAME, version.version, name, value)
    print(version.version)


def measured(folder: Path, ways: dict[str, list[str]], rounds: int) -> list[list[object]]:
    """One line a way, into a new file and into one that has versions; every way has a file of its own."""
    lines: list[list[object]] = []
    for kind in ("new", "with versions"):
        found: dict[str, list[Run]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, command in ways.items():
                place = folder / f"into {list(ways).index(name)}"
                if kind == "new":
                    shutil.rmtree(place, ignore_errors=True)
                place.mkdir(exist_ok=True)
                found[name].append(process(command, folder=place))
        mine = Runs(tuple(found[OURS]))
        for name, runs in found.items():
            each = Runs(tuple(runs))
            lines.append([
                name, kind, f"{each.least_s:.2f} s", f"{each.median_s:.2f} s",
                times(each.least_s, mine.least_s), times(each.median_s, mine.median_s), times(each.cpu_s, mine.cpu_s),
            ])  # fmt: skip
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="one round, beside the quickest other way")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        return make(given.make)
    if given.ours:
        return ours(given.ours)
    if given.peer:
        return peer(Path(given.peer[0]), given.peer[1])
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    peers = ["client"] if given.quick else list(PEERS.values())
    with tempfile.TemporaryDirectory() as name:
        program = [sys.executable, __file__]
        process([*program, "--make", name])
        ways = {OURS: [*program, "--ours", name]}
        ways |= {label: [*program, "--peer", name, way] for label, way in PEERS.items() if way in peers}
        lines = measured(Path(name), ways, 1 if given.quick else given.rounds)
    header = ["way", "database", "best", "median", "/ mlci, best", "/ mlci, median", "/ mlci, processor"]
    print(table(header, lines))
    return None


if __name__ == "__main__":
    main()
