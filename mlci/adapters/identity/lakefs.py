"""Versions by lakeFS: the commit that lakectl says a local folder is a copy of.

lakectl leaves ``.lakefs_ref.yaml`` in the folder: ``src``, the address of branch and prefix, and ``at_head``, a commit.
It holds no digest of any file, so that whether these are still the bytes of that commit only the server can tell.
https://docs.lakefs.io/howto/local-checkouts.html
"""

from __future__ import annotations

import re

from mlci.adapters.disk.content import Content
from mlci.adapters.identity.known import Found, Where, mapping_of
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.evidence import DatasetVersion

REFERENCE = ".lakefs_ref.yaml"
_COMMIT = re.compile(r"[0-9a-f]{64}")


def find(where: Where, content: Content) -> Found | None:  # noqa: ARG001 - what every system is asked
    """The commit that is recorded for the folder the data lie in; None where none is."""
    for folder in where.above():
        said = mapping_of(folder / REFERENCE)
        if said is None:
            continue
        commit, source = said.get("at_head"), said.get("src")
        if not isinstance(commit, str) or not _COMMIT.fullmatch(commit) or not isinstance(source, str):
            return Found(broken=f"{REFERENCE} names no commit of lakeFS")
        if said.get("active_operation"):
            return Found(broken=f"{REFERENCE} says that a copy from lakeFS was not finished")
        shown = one_line(source, 200)
        return Found(
            version=DatasetVersion(system="lakefs", id=commit, where=shown),
            notes=(
                f"lakeFS keeps no digests beside its copies: that the data are those of {shown} at {commit[:12]} is "
                "what lakectl wrote down, and the digest of the content is what is checked",
            ),
        )
    return None
