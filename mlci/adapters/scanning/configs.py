"""What describes a model in text: Keras, skops, MLflow, chat templates; each can name code that loading it runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mlci.adapters.scanning.unfolding import Source
from mlci.domain.scanning.allowed import is_allowed

if TYPE_CHECKING:
    from mlci.adapters.scanning.looking import Look

_LARGEST = 64 << 20
_MOST_NODES = 1_000_000

_LAMBDA = re.compile(rb'"class_name"\s*:\s*"(Lambda|TFOpLambda|__lambda__)"')
_MODULE = re.compile(rb'"module"\s*:\s*"([^"]{1,200})"')
_KERAS = re.compile(r"(?:keras|tf_keras|tensorflow|keras_nlp|keras_hub|builtins)(?:\.\w+)*")
# What a template of a conversation has no use for: the ways from a text to the modules of the interpreter.
_ESCAPE = re.compile(r"__\w+__|\battr\s*\(|\bpopen\b|\bsubprocess\b|\bimport\s+os\b|\bcycler\b|\blipsum\b")
_LOADER = re.compile(r"^\s*loader_module:\s*['\"]?([\w.]{1,200})", re.MULTILINE)
_CODE = re.compile(r"^\s*(python_model|code|model_code_path):\s*['\"]?([^'\"\n]{1,200})", re.MULTILINE)


def look(to: Look, stream: Source, head: bytes, inside: str, name: str) -> str:
    """What a text describes; empty where it is no description of a model."""
    if name == "MLmodel":
        return _mlflow(to, stream, inside)
    if head.lstrip()[:1] == b"{":
        return _json(to, stream, inside, name)
    if name.endswith(".jinja") and b"messages" in head:
        stream.seek(0)
        template(to, stream.read(_LARGEST).decode("utf-8", "replace"), inside, None)
        return "chat template"
    return ""


def _mlflow(to: Look, stream: Source, inside: str) -> str:
    text = stream.read(1 << 20).decode("utf-8", "replace")
    if "flavors:" not in text:
        return ""
    where = inside or to.name
    for found in _LOADER.finditer(text):
        if not found[1].startswith("mlflow."):
            to.note(f"{where} is loaded by the module {found[1]}, which runs as it is imported")
    for found in _CODE.finditer(text):
        if found[2].strip() not in ("null", "~"):
            to.note(f"{where} brings code that runs when the model is loaded: {found[1]} {found[2].strip()}")
    return "MLflow model"


def _json(to: Look, stream: Source, inside: str, name: str) -> str:
    written = stream.read(_LARGEST + 1)
    is_keras = b'"class_name"' in written and b'"config"' in written
    is_skops = b'"__class__"' in written and b'"__module__"' in written
    if not (is_keras or is_skops or b'"chat_template"' in written or b'"learner"' in written):
        return ""
    if len(written) > _LARGEST:
        to.add(inside, None, "", "describes a model at more length than is read", "unknown")
        return "description of a model"
    try:
        document = json.loads(written)
    except (ValueError, RecursionError) as error:
        to.add(inside, None, "", f"describes a model and is no JSON: {str(error)[:100]}", "unknown")
        return "description of a model"
    if is_skops and name == "schema.json":
        _skops(to, document, inside)
        return "skops schema"
    if is_keras:
        keras_in(to, written, inside, 0)
        _keras(to, document, inside)
        return "Keras description"
    for one in _texts(document, "chat_template"):
        template(to, one, inside, None)
        return "chat template"
    return "XGBoost JSON" if isinstance(document, dict) and isinstance(document.get("learner"), dict) else ""


def keras_in(to: Look, block: bytes, inside: str, at: int) -> None:
    """Layers of Python code in a description, wherever in a file it stands."""
    for found in _LAMBDA.finditer(block):
        what = found[1].decode()
        to.add(
            inside, at + found.start(), what, f"has a layer {what}, which is Python code that loading runs", "unsafe"
        )
    if b'"class_name"' not in block:
        return
    for found in _MODULE.finditer(block):
        module = found[1].decode("utf-8", "replace")
        if not _KERAS.fullmatch(module):
            message = f"has a layer of the module {module}, which loading imports"
            to.add(inside, at + found.start(), module, message, "unsafe")


def _keras(to: Look, document: Any, inside: str) -> None:
    """As ``keras_in`` of a whole document, whatever the spelling of its JSON."""
    for node in _nodes(document):
        name, module, registered = node.get("class_name"), node.get("module"), node.get("registered_name")
        if name in ("Lambda", "TFOpLambda", "__lambda__"):
            to.add(inside, 0, str(name), f"has a layer {name}, which is Python code that loading runs", "unsafe")
        elif isinstance(name, str) and isinstance(module, str) and not _KERAS.fullmatch(module):
            to.add(inside, 0, module, f"has a layer of the module {module}, which loading imports", "unsafe")
        elif isinstance(registered, str) and ">" in registered:
            to.note(f"{inside or to.name} has a layer {registered} of somebody's own, whose code is not in it")


def _skops(to: Look, document: Any, inside: str) -> None:
    """Types that skops does not know by itself: it refuses them until somebody trusts each by name."""
    for node in _nodes(document):
        name, module, loader = node.get("__class__"), node.get("__module__"), node.get("__loader__")
        if not isinstance(name, str) or not isinstance(module, str):
            continue
        if is_allowed(module, name) or _is_plain(module, name, str(loader)):
            continue
        message = f"holds the type {module}.{name}, which has to be trusted by name"
        to.add(inside, None, f"{module}.{name}", message, "unknown")


def _is_plain(module: str, name: str, loader: str) -> bool:
    """A ufunc of numpy or scipy, or a kind of node whose content stands in the schema."""
    if loader in ("JsonNode", "SliceNode") or (module, name) == ("builtins", "NoneType"):
        return True
    ufunc = module in ("numpy", "scipy.special", "numpy.core._multiarray_umath", "numpy._core._multiarray_umath")
    return loader == "FunctionNode" and ufunc and name in _UFUNCS


_UFUNCS = frozenset((
    "abs", "absolute", "add", "ceil", "cos", "exp", "exp2", "expit", "expm1", "floor", "log", "log10", "log1p", "log2",
    "logit", "maximum", "minimum", "multiply", "reciprocal", "rint", "sign", "sin", "sqrt", "square", "tan", "tanh",
    "ufunc",
))  # fmt: skip


def template(to: Look, text: str, inside: str, at: int | None) -> None:
    """A template of a conversation, which whoever asks the model runs: https://jinja.palletsprojects.com/sandbox."""
    if found := _ESCAPE.search(text):
        message = f"has a chat template that reaches for the interpreter by {found[0][:40]}"
        to.add(inside, at, found[0][:40], message, "unsafe")


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    waiting, left = [document], _MOST_NODES
    while waiting and left:
        left -= 1
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _texts(document: Any, key: str) -> Iterator[str]:
    for node in _nodes(document):
        value = node.get(key)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (
                one["template"] for one in value if isinstance(one, dict) and isinstance(one.get("template"), str)
            )
