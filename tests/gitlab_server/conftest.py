"""A plain client, as a step's would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import MergeRequest

Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(gitlab: GitLab) -> Iterator[Ask]:
    """Ask about the first project: ``ask("GET", "/pipelines", token=…, job_token=…, json=…)``; else as a developer."""
    made: list[str] = []

    def usual() -> str:
        made.extend([] if made else [gitlab.token()])
        return made[0]

    with requests.Session() as session:

        def asked(
            method: str, below: str, *, token: str | None = "usual", job_token: str | None = None, **more: Any
        ) -> requests.Response:
            token = usual() if token == "usual" and not job_token else token
            address = below if below.startswith("http") else f"{gitlab.url}/projects/{gitlab.project().id}{below}"
            headers = {"JOB-TOKEN": job_token} if job_token else {"PRIVATE-TOKEN": token} if token else {}
            headers |= more.pop("headers", {})
            return session.request(method, address, headers=headers, allow_redirects=False, timeout=10, **more)

        yield asked


@pytest.fixture
def change(gitlab: GitLab) -> MergeRequest:
    """A merge request, number 1."""
    gitlab.add_project(files={"mlci.yml": "model: churn\n", "train.py": "first\n"})
    gitlab.commit({"train.py": "second\n"}, "feature")
    return gitlab.open_merge_request("feature")
