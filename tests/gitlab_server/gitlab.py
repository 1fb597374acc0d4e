"""The loopback GitLab as a test holds it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from forge.wire import ApiHandler, BlobHandler, Traffic, started

from gitlab_server import environment
from gitlab_server.authority import authority_in
from gitlab_server.contract import judge_for
from gitlab_server.operations import OPERATIONS
from gitlab_server.running import Running
from gitlab_server.server import API, RELATIVE, Front
from gitlab_server.state import Job, State


@dataclass(frozen=True)
class Secure:
    """The same GitLab over TLS: its address, and the certificate of the authority to trust."""

    server_url: str
    ca_file: Path

    @property
    def url(self) -> str:
        """Address of the API."""
        return self.server_url + API


class GitLab(Running):
    """A GitLab on the loopback; see the package's docstring for what it knows.

    Attributes:
        url: address of the API.
        relative_url: the same, of an installation below a folder of its host.
        server_url: address of the pages.
        blob_url: address of the object store, another host to every client.
        requests: every request to the API, in order.
        downloads: headers of every request to the object store.
        violations: what broke the contract so far; ``check`` fails where there is any.
    """

    title = "GitLab"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = State()
        self.traffic = Traffic()
        self.front = Front(self.state, judge_for(frozenset(OPERATIONS.values())), self.traffic)
        self.servers = [started(ApiHandler, self.front), started(BlobHandler, self.front)]
        api, blobs = (server.server_address[1] for server, _ in self.servers)
        self.server_url = self.front.server = f"http://127.0.0.1:{api}"
        self.url = self.server_url + API
        self.relative_url = self.server_url + RELATIVE + API
        # Another name for the loopback is another host to every client.
        self.blob_url = self.state.object_store = f"http://localhost:{blobs}"
        self._secure: Secure | None = None

    @property
    def secure(self) -> Secure:
        """The same over TLS; begun when first asked for."""
        if self._secure is None:
            ca_file, context = authority_in(self.folder / "tls")
            front = replace(self.front)
            server, thread = started(ApiHandler, front, context)
            self.servers.append((server, thread))
            front.server = f"https://127.0.0.1:{server.server_address[1]}"
            self._secure = Secure(front.server, ca_file)
        return self._secure

    def redirect_artifacts(self, *, to_object_store: bool) -> None:
        """Whether archives are downloaded from an object store on another host (so it begins) or from here."""
        self.state.object_store = self.blob_url if to_object_store else ""

    def merge(
        self, iid: int, token: str | None = None, *, project: str | None = None, **sent: Any
    ) -> tuple[int, dict[str, Any]]:
        """Ask to merge, as a maintainer unless a token says otherwise: status and body of the answer."""
        there = self.project(project)
        token = token or self.token(role="maintainer", project=there.path)
        path = f"{API}/projects/{quote(there.path, safe='')}/merge_requests/{iid}/merge"
        headers = {"PRIVATE-TOKEN": token, "Content-Type": "application/json"}
        answer, _ = self.front.answer("PUT", path, headers, json.dumps(sent).encode() if sent else b"")
        return answer.status, json.loads(answer.data())

    def environ(
        self,
        job: Job,
        *,
        folder: Path | str = "/builds/project",
        token: str | None = None,
        relative: bool = False,
        secure: bool = False,
    ) -> dict[str, str]:
        """The variables that GitLab would give a job; see ``add_pipeline`` for the kinds of pipelines.

        Args:
            token: put in as MLCI_TOKEN, as a masked variable of the project would be.
            relative: as an installation below a folder of its host.
            secure: over TLS, with CI_SERVER_TLS_CA_FILE.
        """
        server = (self.secure.server_url if secure else self.server_url) + (RELATIVE if relative else "")
        found = environment.variables(server, job, self.job_token(job), str(folder))
        if secure:
            found["CI_SERVER_TLS_CA_FILE"] = str(self.secure.ca_file)
        return found | ({"MLCI_TOKEN": token} if token else {})

    # What goes wrong.

    def rate_limit(self, method: str = ".*", path: str = "", *, times: int = 1, retry_after: int = 1) -> None:
        """Answer that there were too many requests, as GitLab's throttle does: plain text, and when to come back."""
        reset = int(time.time()) + retry_after
        headers = {
            "RateLimit-Limit": "60",
            "RateLimit-Name": "throttle_authenticated_api",
            "RateLimit-Observed": "61",
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(reset),
            "Retry-After": str(retry_after),
        }
        self.fault(method, path, times=times, status=429, headers=headers, body=b"Retry later\n", media="text/plain")

    def application_limit(self, method: str = ".*", path: str = "", *, times: int = 1, retry_after: int = 60) -> None:
        """Answer with a limit of one operation (notes for instance), which has no RateLimit headers."""
        words = {"message": {"error": "This endpoint has been requested too many times. Try again later."}}
        self.fault(method, path, times=times, status=429, headers={"Retry-After": str(retry_after)}, body=words)
