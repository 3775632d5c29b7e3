"""Where things lie on a machine: a user's published files, and what can be made again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from harness.errors import HarnessError


def cache_folder() -> Path:
    """Folder of what can be made again: ``$NAS_HARNESS_CACHE`` or the user's cache folder."""
    return Path(os.environ.get("NAS_HARNESS_CACHE") or platformdirs.user_cache_dir("nas-harness"))


def data_folder() -> Path:
    """Where a user keeps published files: ``$NAS_HARNESS_DATA`` or the user's data folder."""
    return Path(os.environ.get("NAS_HARNESS_DATA") or platformdirs.user_data_dir("nas-harness"))


def find(file: str) -> Path:
    """A file or folder, here or in the data folder."""
    for path in (Path(file), data_folder() / file):
        if path.exists():
            return path
    raise HarnessError(f"{file}: no such file, neither here nor in {data_folder()}")
