"""GitHub's published OpenAPI description as a judge of every request and every response."""

from __future__ import annotations

import functools
import gzip
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from forge.description import Contract, in_order

ROOT = Path(__file__).resolve().parents[2]
FILE = "github-api.openapi.json.gz"

# Answers that every operation may give and that the description leaves out of most of them.
ANYWHERE = frozenset({401, 403, 404, 429, 500, 502, 503})
# Refusals that GitHub gives and that the description forgot.
FORGOTTEN = frozenset({
    ("post", "/repos/{owner}/{repo}/statuses/{sha}", 422),
    ("post", "/repos/{owner}/{repo}/check-runs", 422),
    ("patch", "/repos/{owner}/{repo}/check-runs/{check_run_id}", 422),
})  # fmt: skip
# The description gives the media type of a raw answer in words only.
RAW = "application/vnd.github.raw"


def description_file(name: str = FILE) -> Path:
    """Where a description is expected: in the folder that MLCI_SPECS names, else beside the repository."""
    return Path(os.environ.get("MLCI_SPECS") or ROOT.parent / "shared" / "specs") / name


def undocumented(method: str, template: str, status: int) -> bool:
    """Whether GitHub gives this answer although the description leaves it out."""
    return status in ANYWHERE or (method, template, status) in FORGOTTEN


def excused(place: str, error: Any) -> bool:
    """Whether GitHub gives this null although the description, read to the letter, has no place for it."""
    if error.instance is not None:
        return False
    # The repository of a pull request whose fork was deleted; and a nullable enumeration that leaves out null.
    return place.endswith("head/repo") or (error.validator == "enum" and error.schema.get("nullable") is True)


def _multi_segment(document: dict[str, Any], item: dict[str, Any]) -> frozenset[str]:
    names = set()
    for operation in item.values():
        for parameter in operation.get("parameters", ()) if isinstance(operation, dict) else ():
            if "$ref" in parameter:
                parameter = document["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
            if parameter.get("x-multi-segment"):
                names.add(parameter["name"])
    return frozenset(names)


@functools.lru_cache(maxsize=1)
def whole_document() -> dict[str, Any]:
    """The description as it was published (13 MB of JSON); read once.

    Raises:
        FileNotFoundError: it is not there; the file is named.
    """
    import msgspec

    document: dict[str, Any] = msgspec.json.decode(gzip.decompress(description_file().read_bytes()))
    return document


@functools.lru_cache(maxsize=4)
def contract_for(wanted: frozenset[str]) -> Contract:
    """The description cut down to these path templates.

    Raises:
        KeyError: the description has no such path.
        FileNotFoundError: the description is not there.
    """
    from openapi_core import Config, OpenAPI

    document = whole_document()
    paths = {template: document["paths"][template] for template in sorted(wanted)}
    cut = {**document, "paths": paths}
    cut.pop("x-webhooks", None)
    _mend(paths)
    # The description is taken as it is: whether it is itself sound is not ours to check, and takes seconds.
    core = OpenAPI.from_dict(cut, config=Config(spec_validator_cls=None))

    def multi(template: str) -> frozenset[str]:
        return _multi_segment(document, document["paths"][template])

    others = [template for template in document["paths"] if template not in wanted]
    return Contract(
        document=cut, core=core, host="https://api.github.com", templates=in_order(list(paths), multi),
        elsewhere=in_order(others, multi), undocumented=undocumented, excused=excused, unjudged=RAW,
    )  # fmt: skip


def _mend(paths: dict[str, Any]) -> None:
    """Take out what no answer could meet: a folder is an array, which has no property to tell it by."""
    answers = paths.get("/repos/{owner}/{repo}/contents/{path}", {}).get("get", {}).get("responses", {})
    for content in answers.get("200", {}).get("content", {}).values():
        content["schema"].pop("discriminator", None)


def quoted(text: str) -> str:
    """Text as one segment of an address."""
    return quote(text, safe="")
