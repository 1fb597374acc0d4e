"""Secrets of the environment, kept out of everything that is printed or written about a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlci.config.quote import without_credentials

_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|(?:^|_)(?:KEY|PAT|PWD|AUTH|DSN)(?:_|$)|APIKEY", re.IGNORECASE
)
# Shorter values are words such as "true", and replacing those would make every message unreadable.
_SHORTEST = 6
# Names that look like it: a folder, and the name of a report.
_NO_SECRETS = ("PWD", "MLCI_GATE_COMPARE_KEY", "MLCI_REPORT_KEY")


def redact(text: str, environ: Mapping[str, str]) -> str:
    """The text with the value of every variable whose name speaks of a secret replaced by ``***``."""
    # A runner may hand the same value on under another name, such as INPUT_KEY.
    public = {environ.get(name) for name in _NO_SECRETS}
    secrets = {
        part
        for name, value in environ.items()
        if _SECRET_NAME.search(name) and value not in public
        for part in (value, *value.splitlines())
        if len(part.strip()) >= _SHORTEST
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return without_credentials(text)
