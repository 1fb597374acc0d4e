"""An index of packages on the loopback, so that neither the network nor an index's load is in any figure."""

from __future__ import annotations

import functools
import hashlib
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(SimpleHTTPRequestHandler):
    """Wheels may be cached for good and pages briefly, as the usual index has it."""

    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        lasting = "max-age=365000000, immutable, public" if self.path.endswith(".whl") else "max-age=600, public"
        self.send_header("Cache-Control", lasting)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


def fetch(python: str, lock: Path, folder: Path) -> None:
    """Download what a lock names, by the machine's own settings.

    Raises:
        SystemExit: pip could not.
    """
    command = [python, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    done = subprocess.run(
        [*command, "-d", str(folder), "-r", str(lock)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise SystemExit(f"the packages could not be downloaded:\n{done.stdout}")


def lay_out(folder: Path) -> None:
    """Make the pages of an index beside the wheels."""
    for wheel in folder.glob("*.whl"):
        page = folder / "simple" / re.sub("[-_.]+", "-", wheel.name.split("-")[0]).lower() / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        page.write_text(f'<!DOCTYPE html><a href="../../{wheel.name}#sha256={digest}">{wheel.name}</a>\n')


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """Serve the index; the variables by which pip and uv find it, and nothing else."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/simple/"
    try:
        # pip keeps nothing of a plain http address that it was not told to trust.
        yield {
            "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": url, "PIP_TRUSTED_HOST": "127.0.0.1",
            "UV_DEFAULT_INDEX": url,
        }  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()
