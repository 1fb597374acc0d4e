"""Runs a script in this interpreter and samples what it does, every millisecond: seconds by part, as JSON."""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import sys
import time
from pathlib import Path
from types import FrameType

BEGAN = time.time()
EVERY_S = 0.001
# What belongs to a package that a step imports for its own sake.
_OF = {
    **dict.fromkeys(("urllib3", "charset_normalizer", "certifi", "idna"), "requests"),
    "markupsafe": "jinja2",
    "_yaml": "yaml",
}
# The innermost of our modules that is at work says which part it is.
_PARTS = {
    "/adapters/http.py": "asking GitHub",
    "/adapters/github/": "asking GitHub",
    "/adapters/": "reading and writing files",
    "/render/": "rendering",
    "/stats/": "judging",
    "/steps/": "judging",
    "/domain/": "judging",
    "/config/": "command line and policy",
    "/surface/": "command line and policy",
    "/cli/": "command line and policy",
}
spent: dict[str, float] = {}


def importing(frame: FrameType | None) -> str | None:
    """The package on whose account something is imported; None where nothing is."""
    at_all = False
    while frame is not None:
        code = frame.f_code
        if code.co_name == "_find_and_load" and code.co_filename.startswith("<frozen importlib"):
            at_all = True
            package = str(frame.f_locals["name"]).partition(".")[0]
            if package not in sys.stdlib_module_names:
                return _OF.get(package, package)
        frame = frame.f_back
    return "the standard library" if at_all else None


def part(frame: FrameType | None) -> str:
    """What the program is doing."""
    package = importing(frame)
    if package is not None:
        return f"importing {package}"
    while frame is not None:
        _, found, below = frame.f_code.co_filename.rpartition("/mlci")
        if found:
            for beginning, name in _PARTS.items():
                if below.startswith(beginning):
                    return name
        frame = frame.f_back
    return "the rest"


class Clock:
    """Charges the time since the last sample to what is done now."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def sample(self, _: int, frame: FrameType | None) -> None:
        """Handle the timer."""
        now = time.perf_counter()
        name = part(frame)
        spent[name] = spent.get(name, 0.0) + now - self.last
        self.last = now


def main() -> None:
    script = sys.argv[1]
    sys.argv = sys.argv[1:]

    def written() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        said = {"began": BEGAN, "ended": time.time(), "spent": spent}
        Path(os.environ["GATE_STEP_PARTS"]).write_text(json.dumps(said))

    atexit.register(written)
    signal.signal(signal.SIGALRM, Clock().sample)
    signal.setitimer(signal.ITIMER_REAL, EVERY_S, EVERY_S)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
