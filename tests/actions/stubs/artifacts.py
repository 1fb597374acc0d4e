"""What the stand-ins for the artifact actions do: an artifact is a zip in a folder that the test names.

The rules are those of actions/upload-artifact 4: hidden files are left out, a name is taken once in a run, a single
file or folder gives its place up, and these characters are refused in a name.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import os
import sys
import zipfile
from pathlib import Path

FORBIDDEN = '":<>|*?\r\n\\/'


def files_of(given: list[str], hidden: bool) -> list[Path]:
    """Files under the given paths and patterns; a hidden file or folder is not entered unless asked for."""
    found: list[Path] = []
    roots = [Path(match) for each in given for match in sorted(glob.glob(each, recursive=True))]  # noqa: PTH207 - absolute too
    for root in roots:
        if root.name.startswith(".") and not hidden:
            continue
        if root.is_file():
            found.append(root)
            continue
        for folder, below, names in os.walk(root):
            below[:] = sorted(name for name in below if hidden or not name.startswith("."))
            found += [Path(folder, name) for name in sorted(names) if hidden or not name.startswith(".")]
    return list(dict.fromkeys(found))


def upload(folder: Path) -> int:
    """Pack the files into the folder of this run."""
    name, none = os.environ["STUB_NAME"], os.environ["STUB_NONE"]
    if not name or set(name) & set(FORBIDDEN):
        print(f"::error::The artifact name is not valid: {name!r}")
        return 1
    given = [line.strip() for line in os.environ["STUB_PATH"].splitlines() if line.strip()]
    found = files_of(given, os.environ["STUB_HIDDEN"] == "true")
    if not found:
        print(f"::{'error' if none == 'error' else 'warning'}::No files were found with the provided path.")
        return 1 if none == "error" else 0
    target = folder / os.environ["GITHUB_RUN_ID"] / f"{name}.zip"
    if target.exists() and os.environ["STUB_OVERWRITE"] != "true":
        print("::error::Failed to CreateArtifact: (409) Conflict: an artifact with this name already exists")
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    common = Path(os.path.commonpath([path.parent for path in found]))
    if len(given) == 1 and Path(given[0]).is_dir():
        common = Path(given[0])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in found:
            archive.write(path, path.relative_to(common).as_posix())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as out:
        out.write(f"digest={digest}\n")
    return 0


def download(folder: Path) -> int:
    """Unpack one artifact into the path, or each into a folder of its name."""
    run, name = os.environ["STUB_RUN"] or os.environ["GITHUB_RUN_ID"], os.environ["STUB_NAME"]
    there = sorted((folder / run).glob("*.zip")) if (folder / run).is_dir() else []
    pattern = os.environ["STUB_PATTERN"] or "*"
    found = [each for each in there if (each.stem == name if name else fnmatch.fnmatchcase(each.stem, pattern))]
    if name and not found:
        print(f"::error::Unable to download artifact(s): Artifact not found for name: {name}")
        return 1
    for each in found:
        target = Path(os.environ["STUB_PATH"] or ".")
        if not name and os.environ["STUB_MERGE"] != "true":
            target /= each.stem
        with zipfile.ZipFile(each) as archive:
            archive.extractall(target)
    return 0


if __name__ == "__main__":
    sys.exit({"upload": upload, "download": download}[sys.argv[1]](Path(os.environ["STUB_ARTIFACTS"])))
