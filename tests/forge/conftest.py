"""A plain client, as a step's would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from forge.github import GitHub

Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(github: GitHub) -> Iterator[Ask]:
    """Ask about the repository: ``ask("GET", "/pulls", token=…, json=…, headers=…)``; all permissions unless told."""
    everything = github.token()
    with requests.Session() as session:

        def asked(method: str, below: str, *, token: str | None = everything, **more: object) -> requests.Response:
            address = below if below.startswith("http") else f"{github.url}/repos/{github.repository().name}{below}"
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            headers |= more.pop("headers", {})  # type: ignore[arg-type]
            return session.request(method, address, headers=headers, allow_redirects=False, timeout=10, **more)  # type: ignore[arg-type]

        yield asked


@pytest.fixture
def opened(github: GitHub) -> str:
    """The head of a pull request, number 1."""
    github.add_repository(files={"mlci.yml": "model: churn\n", "train.py": "first\n"})
    sha = github.commit({"train.py": "second\n"}, "feature")
    github.open_pull_request("feature")
    return sha
