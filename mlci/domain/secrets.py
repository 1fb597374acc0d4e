"""What speaks of a secret: the names of variables, and values that carry credentials with them."""

from __future__ import annotations

import re

# TOKENIZERS_PARALLELISM and its like are settings of tokenisers, and no token.
_NAME = re.compile(
    r"TOKEN(?!IZ)|SECRET|PASSW|CREDENTIAL|PRIVATE|(?:^|_)(?:KEY|PAT|PWD|AUTH|DSN)(?:_|$)|APIKEY", re.IGNORECASE
)
_VALUE = re.compile(
    r"https?://[^/?#\s@]+@"  # whoever is named alone there is a token
    r"|[a-z][a-z0-9+.-]*://[^/?#\s:@]*:[^/?#\s@]+@"  # elsewhere, as in ssh://git@host, only a password is one
    r"|\bauthorization:\s*\S"
    r"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----",
    re.IGNORECASE,
)

# Shorter values are words such as "true", and these stand everywhere.
SHORTEST = 6

# Names that look like it: a folder, and the name of a report.
NO_SECRETS = ("PWD", "MLCI_GATE_COMPARE_KEY", "MLCI_REPORT_KEY")


def names_secret(name: str) -> bool:
    """Whether the name of a variable speaks of a secret.

    >>> names_secret("MLFLOW_TRACKING_TOKEN"), names_secret("TOKENIZERS_PARALLELISM")
    (True, False)
    """
    return _NAME.search(name) is not None


def carries_secret(value: str) -> bool:
    """Whether a value holds the credentials of an address, the header that carries some, or a private key.

    >>> carries_secret("postgresql://someone:hunter2@host/db"), carries_secret("ssh://git@host/repository")
    (True, False)
    """
    return _VALUE.search(value) is not None
