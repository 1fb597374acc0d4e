"""Where a checkout came from: the address of its remote, and whose forge that is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_ADDRESS = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/]*@)?(?P<host>\[[0-9a-f:]+\]|[^/:@\[\]]+)(?::(?P<port>[0-9]{1,5}))?/"
    r"|[^@/:]+@(?P<short>[^:/@]+):)"
    r"(?P<path>[^\s?#]+?)(?:\.git)?/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """An address of a repository.

    Attributes:
        scheme: https, http, ssh, …; None for the short way to write ssh.
        host: in lower case.
        port: None for the scheme's own.
        path: without a slash at either end, and without .git.
    """

    scheme: str | None
    host: str
    port: int | None
    path: str

    @property
    def web(self) -> str:
        """Address of the server that people open: the same over http, and the usual one for what git reaches by ssh."""
        if self.scheme in ("http", "https"):
            return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port is not None else "")
        return f"https://{self.host}"


def origin(address: str) -> Origin | None:
    """Read an address as git has it; None where it names no server.

    >>> origin("git@gitlab.com:group/sub/project.git").path
    'group/sub/project'
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    return Origin(
        scheme=found["scheme"].lower() if found["scheme"] else None,
        host=(found["host"] or found["short"]).lower(),
        port=int(found["port"]) if found["port"] else None,
        path=found["path"].strip("/"),
    )


def forge_of(found: Origin, hosts: Iterable[str] = ()) -> Literal["github", "gitlab"] | None:
    """Whose forge a repository lies on, by the name of its host; None where that does not say.

    Args:
        hosts: that are known to be GitLab's.
    """
    if re.search(r"\bgithub\b", found.host):
        return "github"
    return "gitlab" if found.host in hosts or re.search(r"\bgitlab\b", found.host) else None
