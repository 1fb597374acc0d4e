"""The half of scoring that runs in the user's interpreter: loads a model and writes what it says of the holdout.

``python worker.py REQUEST.json``: one file, the standard library and the model's own framework, Python 3.8 or later.
What its numbers mean is decided by ``mlci.adapters.scoring``, which also fixes the form of request and answer.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import importlib
import importlib.util
import json
import os
import pickle
import runpy
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

# Predictions that were kept are computed again when this changes.
WORKER_VERSION = 1
_BATCH = 4096
_need = importlib.import_module


class Failure(Exception):
    """Why there are no predictions: a word for the kind, and a sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Holdout:
    """The file that examples are read from; only the columns that are asked for are kept."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.ending = Path(path).suffix.lower()
        self.records: list[dict[str, Any]] = []
        self.columns = self._columns()

    def _columns(self) -> list[str]:
        if self.ending in (".parquet", ".pq"):
            return list(_need("pyarrow.parquet").ParquetFile(self.path).schema_arrow.names)
        if self.ending in (".jsonl", ".ndjson"):
            with Path(self.path).open(encoding="utf-8-sig") as stream:
                self.records = [json.loads(line) for line in stream if line.strip()]
            return list(dict.fromkeys(name for record in self.records for name in record))
        with Path(self.path).open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            signs = "\t" if self.ending == ".tsv" else ",;\t"
            self.separator = next((sign for sign in signs if sign in header), signs[0])
            stream.seek(0)
            return [name.strip() for name in next(csv.reader(stream, delimiter=self.separator), [])]

    def frame(self, names: list[str]) -> Any:
        """The columns as a DataFrame; as a dictionary of arrays where there is no pandas."""
        try:
            pandas = _need("pandas")
        except ImportError:
            return {name: _array(values) for name, values in self._values(names).items()}
        if self.ending in (".parquet", ".pq"):
            return pandas.read_parquet(self.path, columns=names)[names]
        if self.ending in (".jsonl", ".ndjson"):
            return pandas.DataFrame(self._values(names))
        # A float is read as the number that was written; from pandas 3.1 on it always is.
        version = tuple(int(part) for part in pandas.__version__.split(".")[:2])
        exact = {"float_precision": "round_trip"} if version < (3, 1) else {}
        return pandas.read_csv(
            self.path, sep=self.separator, names=self.columns, header=0, usecols=names, index_col=False,
            encoding="utf-8-sig", low_memory=False, **exact,
        )[names]  # fmt: skip

    def _values(self, names: list[str]) -> dict[str, Any]:
        if self.ending in (".parquet", ".pq"):
            table = _need("pyarrow.parquet").read_table(self.path, columns=names)
            return {name: table.column(name).to_pylist() for name in names}
        if self.ending in (".jsonl", ".ndjson"):
            return {name: [record.get(name) for record in self.records] for name in names}
        with Path(self.path).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=self.separator)
            next(reader)
            cells = list(zip(*(row for row in reader if row)))  # noqa: B905 (Python 3.8)
        return {name: cells[self.columns.index(name)] if cells else () for name in names}


def _array(values: Any) -> Any:
    numpy = _need("numpy")
    try:
        return numpy.array([float("nan") if one is None or one == "" else one for one in values], dtype=float)
    except (TypeError, ValueError):
        return numpy.array(values, dtype=object)


def _matrix(frame: Any, kind: Any = None) -> Any:
    """Columns as one array of shape (rows, columns)."""
    whole = _need("numpy").column_stack(list(frame.values())) if isinstance(frame, dict) else frame.to_numpy()
    return whole if kind is None else whole.astype(kind)


def features(request: dict[str, Any], holdout: Holdout, named: list[str] | None) -> list[str]:
    """The columns a model is given: those it names itself, else those of the configuration, else all that are left."""
    wanted = named or request["features"] or [one for one in holdout.columns if one not in request["excluded"]]
    absent = [name for name in wanted if name not in holdout.columns]
    if absent or not wanted:
        names = ", ".join(map(repr, absent[:10])) or "that the model could be given"
        raise Failure("features", f"the holdout has no column {names}")
    return wanted


class Said(NamedTuple):
    """What a model says of the examples: labels (n,), numbers (n,) or (n, k), class of each column, what they are."""

    labels: Any = None
    numbers: Any = None
    classes: Any = None
    scale: str = "raw"


def _estimator(model: Any, request: dict[str, Any], named: list[str] | None = None) -> Callable[[Holdout], Said]:
    """A model with ``predict``: scikit-learn's, and what imitates them."""
    if not callable(getattr(model, "predict", None)):
        raise Failure("no-predict", f"what was loaded is a {type(model).__name__}, which has no method predict")

    def say(holdout: Holdout) -> Said:
        own = [str(name) for name in getattr(model, "feature_names_in_", ())]
        # LightGBM makes up names for an array.
        own = [] if own == [f"Column_{number}" for number in range(len(own))] else own
        wanted = features(request, holdout, own or named)
        frame = holdout.frame(wanted)
        # An estimator that was fitted on an array is given one; everything else understands names.
        nameless = not own and not named and hasattr(model, "n_features_in_")
        given = _matrix(frame) if nameless or isinstance(frame, dict) else frame
        if getattr(model, "classes_", None) is None:
            return Said(numbers=model.predict(given), scale="predicted")
        numbers = model.predict_proba(given) if hasattr(model, "predict_proba") else None
        return Said(model.predict(given), numbers, model.classes_, "probabilities")

    return say


def _unpickled(path: str) -> Any:
    try:
        return _need("joblib").load(path)
    except ModuleNotFoundError as error:
        if error.name != "joblib":
            raise
    with Path(path).open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else Path(path).open("rb") as stream:
        return pickle.load(stream)  # noqa: S301 (whether it is trusted was decided before)


def _skops(path: str, request: dict[str, Any]) -> Any:
    skops = _need("skops.io")
    unknown = skops.get_untrusted_types(file=path)
    if unknown and not request["trusted"]:
        raise Failure("untrusted", "the model holds types not known to be safe: " + ", ".join(unknown[:10]))
    return skops.load(path, trusted=unknown)


_ONNX = {"float": "float32", "double": "float64", "float16": "float16", "string": "str", "bool": "bool"}


def _onnx(path: str, request: dict[str, Any], named: list[str] | None = None) -> Callable[[Holdout], Said]:
    session = _need("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()

    def say(holdout: Holdout) -> Said:
        several = len(inputs) > 1
        wanted = features(request, holdout, [one.name for one in inputs] if several else named)
        frame = holdout.frame(wanted)
        given = {}
        for one in inputs:
            kind = one.type[len("tensor(") : -1]
            values = _matrix({one.name: frame[one.name]} if several else frame, _ONNX.get(kind, kind))
            given[one.name] = _shaped(values.astype(object) if kind == "string" else values, one.shape)
        first = inputs[0].shape[0] if inputs[0].shape else None
        fixed = first if isinstance(first, int) else None
        parts = [session.run(None, batch) for batch in _batches(given, fixed or 16 * _BATCH, fixed is not None)]
        return _onnx_outputs(parts, len(next(iter(given.values()))))

    return say


def _onnx_outputs(parts: list[Any], rows: int) -> Said:
    """A classifier gives a label and probabilities, these as a table or as one map an example; others give numbers."""
    numpy = _need("numpy")
    labels = numbers = classes = None
    for position in range(len(parts[0])):
        if isinstance(parts[0][position], list):
            maps = [one for part in parts for one in part[position]]
            classes = list(maps[0])
            numbers = numpy.array([[one[name] for name in classes] for one in maps])[:rows]
            continue
        whole = numpy.concatenate([numpy.asarray(part[position]) for part in parts])[:rows]
        if whole.dtype.kind == "f":
            numbers = whole if numbers is None else numbers
        else:
            labels = whole if labels is None else labels
    return Said(labels, numbers, classes, "raw" if labels is None else "probabilities")


def _shaped(values: Any, shape: Any) -> Any:
    """Rows as images or sequences, where the model says that it takes them so."""
    inner = list(shape or ())[1:]
    if len(inner) > 1 and all(isinstance(size, int) for size in inner):
        return values.reshape([len(values), *inner])
    return values


def _batches(given: dict[str, Any], size: int, fixed: bool) -> Iterator[dict[str, Any]]:
    """Pieces of the arrays; where the model takes one size only, the last piece is filled up."""
    for start in range(0, len(next(iter(given.values()))), size):
        piece = {name: values[start : start + size] for name, values in given.items()}
        short = size - len(next(iter(piece.values()))) if fixed else 0
        if short:
            filled = {name: [one, one[:1].repeat(short, axis=0)] for name, one in piece.items()}
            piece = {name: _need("numpy").concatenate(parts) for name, parts in filled.items()}
        yield piece


def _torch(
    module: Any, request: dict[str, Any], named: list[str] | None = None, shape: Any = None, fixed: bool = False
) -> Callable[[Holdout], Said]:
    numpy, torch = _need("numpy"), _need("torch")
    device = torch.device("cuda" if request["device"] == "gpu" else "cpu")
    module = module.to(device) if hasattr(module, "to") else module
    with contextlib.suppress(NotImplementedError):  # An exported program has one mode only.
        module.eval()

    def say(holdout: Holdout) -> Said:
        values = _shaped(_matrix(holdout.frame(features(request, holdout, named)), "float32"), shape)
        parts = []
        with torch.no_grad():
            for batch in _batches({"": values}, shape[0] if fixed else _BATCH, fixed):
                out = module(torch.from_numpy(numpy.ascontiguousarray(batch[""])).to(device))
                if isinstance(out, dict):
                    out = out["logits"] if "logits" in out else next(iter(out.values()))
                out = out[0] if isinstance(out, (tuple, list)) else out
                parts.append(out.to("cpu", torch.float64).numpy())
        return Said(numbers=numpy.concatenate(parts)[: len(values)])

    return say


def _torch_file(path: str, request: dict[str, Any]) -> Callable[[Holdout], Said]:
    torch = _need("torch")
    if path.endswith(".pt2"):
        program = torch.export.load(path)
        example = program.example_inputs[0] if program.example_inputs else None
        shape = list(example[0].shape) if example else None
        return _torch(program.module(), request, None, shape, shape is not None and not program.range_constraints)
    try:
        module = torch.jit.load(path, map_location="cpu")
    except RuntimeError:
        module = torch.load(path, map_location="cpu", weights_only=not request["trusted"])
    if not callable(module):
        raise Failure("no-predict", "the file holds weights without the code of the model; save it by torch.export")
    return _torch(module, request)


def _mlflow(path: str, request: dict[str, Any]) -> Callable[[Holdout], Said]:
    # No tracking server is asked; and without an address MLflow would lay a database into the working folder.
    store = (Path(request["answer"]) / "mlruns").absolute().as_uri()
    os.environ.update(MLFLOW_TRACKING_URI=store, MLFLOW_REGISTRY_URI=store)
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
    described = _need("mlflow.models").Model.load(path)
    schema = described.get_input_schema()
    named = list(schema.input_names()) if schema is not None and schema.has_input_names() else None
    flavours = described.flavors
    if "onnx" in flavours:
        return _onnx(str(Path(path) / flavours["onnx"]["data"]), request, named)
    if "pytorch" in flavours:
        return _torch(_need("mlflow.pytorch").load_model(path), request, named)
    for flavour in ("sklearn", "xgboost", "lightgbm"):
        model = _need(f"mlflow.{flavour}").load_model(path) if flavour in flavours else None
        if model is not None and type(model).__name__ != "Booster":
            return _estimator(model, request, named)
    anything = _need("mlflow.pyfunc").load_model(path)
    return lambda holdout: Said(numbers=anything.predict(holdout.frame(features(request, holdout, named))))


def load(request: dict[str, Any]) -> Callable[[Holdout], Said]:
    """The model as a function of the holdout."""
    path, kind = request["model"], request["format"]
    if kind == "mlflow":
        return _mlflow(path, request)
    if kind == "onnx":
        return _onnx(path, request)
    if kind == "torch":
        return _torch_file(path, request)
    return _estimator(_skops(path, request) if kind == "skops" else _unpickled(path), request)


# Writing what it said.


def word(value: Any) -> str | None:
    """A label as text: whole numbers without a decimal point, truth in lower case; None where it is missing."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or value != value:  # Only NaN differs from itself.
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _codes(labels: Any) -> tuple[list[str], Any]:
    """The distinct labels, and for each example which; -1 where it is missing."""
    numpy = _need("numpy")
    labels = numpy.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise Failure("no-predict", f"the model gives several labels an example: their shape is {labels.shape}")
    if labels.dtype.kind == "O" and importlib.util.find_spec("pandas"):
        codes, values = _need("pandas").factorize(labels)
    else:
        values, codes = numpy.unique(labels if labels.dtype.kind != "O" else labels.astype(str), return_inverse=True)
    words: dict[str, int] = {}
    lookup = [-1 if text is None else words.setdefault(text, len(words)) for text in map(word, values)] + [-1]
    return list(words), numpy.array(lookup, dtype="<i4")[codes]


def write(said: Said, folder: Path) -> dict[str, Any]:
    """Write ``labels.i32`` (codes) and ``numbers.f64`` (rows × width), little-endian, and say what they hold."""
    numpy = _need("numpy")
    labels, numbers = said.labels, None if said.numbers is None else numpy.asarray(said.numbers)
    if numbers is not None and numbers.dtype.kind not in "fiub":
        labels, numbers = numbers, None
    classes = None if said.classes is None else [word(one) for one in said.classes]
    answer: dict[str, Any] = {"rows": 0, "labels": None, "width": 0, "classes": classes, "scale": said.scale}
    if labels is not None:
        answer["labels"], codes = _codes(labels)
        answer["rows"] = len(codes)
        codes.tofile(str(folder / "labels.i32"))
    if numbers is not None:
        numbers = numbers.reshape(len(numbers), -1)
        answer["rows"], answer["width"] = numbers.shape
        numbers.astype("<f8").tofile(str(folder / "numbers.f64"))
    return answer


def score(request: dict[str, Any]) -> dict[str, Any]:
    """Load the model, ask it, write what it says; whatever goes wrong becomes part of the answer."""
    versions: dict[tuple[str, str], None] = {}
    shown = warnings.showwarning

    def note(message: Any, *rest: Any) -> None:
        if hasattr(message, "original_sklearn_version") and hasattr(message, "current_sklearn_version"):
            versions[str(message.original_sklearn_version), str(message.current_sklearn_version)] = None
        shown(message, *rest)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", message="Trying to unpickle estimator")
        warnings.showwarning = note  # type: ignore[assignment]
        try:
            answer = write(load(request)(Holdout(request["holdout"])), Path(request["answer"]))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (it is the user's code, which may raise anything)
            traceback.print_exc()
            answer = {"error": _error(error)}
    answer["versions"] = list(versions)
    return answer


def _error(error: BaseException) -> dict[str, str]:
    kind = error.kind if isinstance(error, Failure) else "failed"
    said = {"kind": kind, "message": (f"{error}" if kind != "failed" else f"{type(error).__name__}: {error}")[:4000]}
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.split(".")[0]
        # A part that is missing of a package that is there: another version of it wrote the model.
        present = top in sys.modules or importlib.util.find_spec(top) is not None
        said.update(kind="unreadable" if present else "missing-module", module=error.name)
    return said


def main(path: str) -> None:
    """Do what a request asks; ``answer.json`` comes last, so that half an answer is none."""
    # The user's modules are found from the working folder, and none of mlci's takes their place.
    sys.path[:] = [str(Path.cwd()), *(one for one in sys.path if one != str(Path(__file__).parent))]
    request = json.loads(Path(path).read_text("utf-8"))
    watched = runpy.run_path(request["imports"])["watched"]
    answer = watched(score, request) if request["task"] == "score" else {}
    answer["environment"] = runpy.run_path(request["survey"])["survey"]()
    part = Path(request["answer"]) / "answer.part"
    part.write_text(json.dumps(answer, allow_nan=False), "utf-8")
    part.replace(part.with_suffix(".json"))


if __name__ == "__main__":
    main(sys.argv[1])
