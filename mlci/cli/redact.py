"""Secrets of the environment, kept out of everything that is printed or written about a failure."""

from __future__ import annotations

from collections.abc import Mapping

from mlci.config.quote import without_credentials
from mlci.domain.secrets import NO_SECRETS, SHORTEST, names_secret


def redact(text: str, environ: Mapping[str, str]) -> str:
    """The text with the value of every variable whose name speaks of a secret replaced by ``***``."""
    # A runner may hand the same value on under another name, such as INPUT_KEY.
    public = {environ.get(name) for name in NO_SECRETS}
    secrets = {
        part
        for name, value in environ.items()
        if names_secret(name) and value not in public
        for part in (value, *value.splitlines())
        if len(part.strip()) >= SHORTEST
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return without_credentials(text)
