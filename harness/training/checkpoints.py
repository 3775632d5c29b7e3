"""Checkpoints: what a search or a training is saved to after every epoch, and goes on from to the bit."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from harness.errors import HarnessError
from harness.system.files import write_whole


class CheckpointError(HarnessError):
    """A checkpoint is damaged or of something else: nothing may be made of it, or written over it."""


def configuration(chosen: Mapping[str, object], settings: Mapping[str, object]) -> dict[str, str]:
    """Everything that a result depends on, as text: what it was made of, and the settings."""
    return {name: str(value) for name, value in {**chosen, **settings}.items()}


def save(path: Path, configuration: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Save a state; the file is whole at any moment.

    Parameters
    ----------
    path
        The file.
    configuration
        Everything that the result depends on, as text.
    state
        Tensors, numbers and texts in lists and mappings.

    Raises
    ------
    RunError
        If the disk is full or the file cannot be written; what was there before is intact.
    """
    content = io.BytesIO()  # torch's own writer of files leaves half of one, and does not say why, where a disk is full
    torch.save({"configuration": dict(configuration), **state}, content)
    write_whole(path, content.getvalue())


def load(path: Path, configuration: Mapping[str, str], what: str, device: torch.device | str) -> dict[str, Any]:
    """Read what `save` wrote.

    Parameters
    ----------
    path, configuration
        As in `save`.
    what
        ``"search"`` or ``"training"``, for messages.
    device
        Where tensors go.

    Raises
    ------
    CheckpointError
        If the file is damaged or of another configuration.
    """
    try:
        with path.open("rb") as stream:
            state: dict[str, Any] = torch.load(stream, map_location=device, weights_only=True)
        saved = dict(state["configuration"])
    except Exception as error:  # a damaged file may raise nearly anything
        raise CheckpointError(f"{path}: not a checkpoint of a {what} ({type(error).__name__}); remove it") from error
    if differing := sorted(
        name for name in configuration.keys() | saved.keys() if configuration.get(name) != saved.get(name)
    ):
        name = differing[0]
        raise CheckpointError(
            f"{path}: a checkpoint of another configuration: {name} was {saved.get(name)}, not "
            f"{configuration.get(name)}; remove it or choose another"
        )
    return state
