"""The file of a contract: rules on a dataset, or a suite of Great Expectations."""

from __future__ import annotations

import hashlib

from mlci.domain.dataset.contract import Contract


def read_contract(content: bytes, name: str) -> Contract:
    """What a contract says.

    Args:
        content: of the file; on a change it may be a stranger's.
        name: of the file, for errors, and what the contract is called.

    Raises:
        MlciError: it is malformed; the place names file and line.
    """
    return Contract(name=name, digest=hashlib.sha256(content).hexdigest())
