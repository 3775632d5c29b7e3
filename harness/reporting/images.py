"""Figures as files: drawn once each, with nothing in them that differs from one time to the next."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from harness.errors import HarnessError
from harness.reporting.model import FigureBlock
from harness.reporting.style import DPI, in_style
from harness.system.files import write_whole

# Neither dates nor versions, so that equal figures are equal files.
_METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
KINDS = tuple(_METADATA)


def draw_images(block: FigureBlock, kinds: tuple[str, ...]) -> dict[str, bytes]:
    """Return a figure's images by kind, some of `KINDS`."""
    return _images(block.draw, kinds)


def save_figure(path: Path, draw: Callable[[], Figure]) -> None:
    """Draw a figure into a file, by its ending one of `KINDS`."""
    kind = path.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise HarnessError(f"{path}: wanted a figure's file that ends in .{', .'.join(KINDS[:-1])} or .{KINDS[-1]}")
    write_whole(path, _images(draw, (kind,))[kind])


def _images(draw: Callable[[], Figure], kinds: tuple[str, ...]) -> dict[str, bytes]:
    images = {}
    with in_style():
        figure = draw()
        if (engine := figure.get_layout_engine()) is not None:  # laid out once for all kinds
            engine.execute(figure)
            figure.set_layout_engine(None)
        for kind in kinds:
            stream = io.BytesIO()
            figure.savefig(stream, format=kind, dpi=DPI, metadata=_METADATA[kind])
            images[kind] = stream.getvalue()
    return images
