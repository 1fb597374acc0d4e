"""Why a model gave no predictions, told so that a person knows what to do and a caller which package is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlci.adapters.oneline import one_line
from mlci.errors import MlciError, ModelUnusable, Place

_LONGEST = 600
# Modules whose distribution has another name; all else is called as it is imported.
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "yaml": "pyyaml",
    "google": "protobuf",
    "Crypto": "pycryptodome",
    "dateutil": "python-dateutil",
}


class ModelUnloadable(ModelUnusable):
    """A model that could not be loaded or asked.

    Attributes:
        missing: the distribution that its interpreter lacks; None where something else is wrong.
    """

    def __init__(
        self, cause: str, *, place: Place | None = None, help: str | None = None, missing: str | None = None
    ) -> None:
        super().__init__(cause, place=place, help=help)
        self.missing = missing


def missing(error: MlciError) -> str | None:
    """The distribution that was missing, where that is why a model gave no predictions."""
    return error.missing if isinstance(error, ModelUnloadable) else None


def fault(
    kind: str, message: str, module: str | None, *, versions: Sequence[tuple[str, str]], packages: Mapping[str, str],
    model: str, python: str,
) -> ModelUnloadable:  # fmt: skip
    """What to raise for an error of the worker's.

    Args:
        kind: its word for what went wrong.
        message: its sentence; hostile.
        module: the module that was missing, if any.
        versions: of scikit-learn, those that wrote the model and that read it, where they differ.
        packages: installed versions by distribution.
        model: path of the model.
        python: the interpreter.
    """
    said = one_line(message, _LONGEST)
    if kind == "missing-module" and module is not None:
        name = one_line(_distribution(module), 100)
        return ModelUnloadable(
            f"the model needs the module {one_line(module, 100)}, which {python} has not",
            place=Place(model),
            help=f"install {name} there, or name the right interpreter under train.python; a module of your own must "
            "be found from the folder of mlci.yml",
            missing=name,
        )
    if kind in ("failed", "unreadable"):
        return _unreadable(said, module, versions, packages, model)
    return ModelUnloadable(said, place=Place(model), help=_HELP.get(kind))


_HELP = {
    "features": "name the columns under evaluate.features, or score a holdout that has what the model was trained on",
    "no-predict": "save the model itself, or score by a command of your own under evaluate.command",
    "of-another": "it brings its own code; install no package from the work tree into its environment",
    "untrusted": "save it as ONNX, or from types of the library alone",
}


def _unreadable(
    said: str, module: str | None, versions: Sequence[tuple[str, str]], packages: Mapping[str, str], model: str
) -> ModelUnloadable:
    place = Place(model)
    if versions:
        wrote, reads = (one_line(version, 40) for version in versions[0])
        return ModelUnloadable(
            f"the model was written by scikit-learn {wrote} and cannot be used by {reads}: {said}",
            place=place,
            help=f"score it where scikit-learn {wrote} is installed",
        )
    if "attribute" in said and "__main__" in said:
        help = "a class or function of the training script itself cannot be found again: move it to a module and import"
        return ModelUnloadable(f"the model cannot be loaded: {said}", place=place, help=help)
    if module is not None:
        name = _distribution(module)
        installed = packages.get(name.lower())
        which = f"{name} {installed}, which is installed," if installed else f"the installed {name}"
        cause = (
            f"the model was written by another version: it needs {one_line(module, 100)}, and {which} has no such part"
        )
        return ModelUnloadable(cause, place=place, help="score it in the environment that it was trained in")
    return ModelUnloadable(
        f"the model could not be loaded or asked: {said}", place=place, help="what it printed stands in the log"
    )


def _distribution(module: str) -> str:
    top = module.split(".")[0]
    return _DISTRIBUTIONS.get(top, top.replace("_", "-"))
