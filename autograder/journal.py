"""What has been run, by content: an interrupted run goes on where it was, and nothing is run twice."""

import hashlib
import json
import os
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from autograder.runner import Job

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "ipykernel")


@cache
def versions() -> str:
    """Names all that a run depends on beside its job: the interpreter, the packages, dlcourse."""
    import dlcourse

    digest = hashlib.sha256(sys.version.encode())
    for package in PACKAGES:
        digest.update(f"{package} {installed(package)}".encode())
    for path in sorted(Path(dlcourse.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def key_of(job: Job) -> str:
    return hashlib.sha256(job.encoded() + versions().encode()).hexdigest()[:32]


class Journal:
    """A folder with the result of each run under its key, written whole or not at all."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def __contains__(self, key: str) -> bool:
        return self.path(key).exists()

    def read(self, key: str) -> dict:
        return json.loads(self.path(key).read_bytes())

    def write(self, key: str, result: bytes) -> None:
        write_whole(self.path(key), result)

    def keep_only(self, keys: set[str]) -> None:
        """Remove the results that no submission of today asks for."""
        for path in self.folder.iterdir():
            if path.stem not in keys:
                path.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, and a run that comes after a crash, sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_bytes(content)
    beside.replace(path)
