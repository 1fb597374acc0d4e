"""What a job hands on: a file of variables for the jobs after it, and links on its page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from mlci.adapters.disk import files
from mlci.adapters.oneline import one_line
from mlci.ports import MoreFace

_NAME = re.compile(r"[a-z][a-z0-9-]*")
# https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv: the whole file has at most 5 KiB.
_LONGEST_VALUE = 400
# A variable may name another one, and a runner puts its value there.
_EXPANDED = re.compile(r"[$\\]")


class GitLabJob:
    """ports.Job: files beside the report, which the job's ``artifacts:reports`` name.

    ``<report>.env`` holds what is handed on, as ``MLCI_OUTPUT_<COMMAND>_<NAME>``, and ``<report>.annotations.json`` the
    links. The report itself is in the log and among the artifacts: GitLab has no page to write it on.
    """

    faces: Sequence[MoreFace] = ("codequality", "metrics")

    def __init__(self, environ: Mapping[str, str], command: str, report: str) -> None:
        """Nothing is written yet.

        Args:
            environ: CI_JOB_URL is the address of the job, CI_PROJECT_DIR the folder that artifacts are named from.
            command: that runs.
            report: path of its report, which ends in .json.
        """
        self._environ = environ
        self._prefix = f"MLCI_OUTPUT_{command.replace('-', '_').replace(' ', '_').upper()}_"
        self._report = PurePath(report)
        self._values: dict[str, str] = {}

    @property
    def written(self) -> tuple[str, ...]:
        """The paths of the files."""
        return str(self._report.with_suffix(".env")), str(self._report.with_suffix(".annotations.json"))

    def summary(self, markdown: str) -> None:
        """Nothing: a job has no page of its own."""

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to the jobs that need this one.

        Raises:
            NotWritable: a file cannot be written.
        """
        self._values |= values
        variables, links = self.written
        lines = [self._assigned(name, value) for name, value in self._values.items()]
        files.write(variables, "".join(lines).encode())
        files.write(links, (json.dumps({"mlci": self._links()}, indent=2) + "\n").encode())

    def _assigned(self, name: str, value: str) -> str:
        """One variable on one line, without anything in it that a runner would expand."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of an output")
        plain = _EXPANDED.sub("", one_line(value, _LONGEST_VALUE)).strip()
        return f"{self._prefix}{name.replace('-', '_').upper()}={plain}\n"

    def _links(self) -> list[dict[str, dict[str, str]]]:
        """Where to read more: the report among the job's artifacts, and the comment."""
        found = []
        job, report = self._environ.get("CI_JOB_URL"), self._values.get("report")
        if job and report:
            page = PurePath(report).with_suffix(".html").as_posix()
            found.append((f"report: {self._values.get('verdict', '')}", f"{job}/artifacts/file/{page}"))
        if self._values.get("comment"):
            found.append(("the comment", self._values["comment"]))
        return [{"external_link": {"label": label, "url": url}} for label, url in found]
