"""What the examples share: they check what they find, and one style for their pictures.

    check("the energy is kept", error, below=1e-9, since="the method is symplectic")
    finish(draw)     # `--picture FILE` calls draw(axes); the exit code is 4 where a check failed
"""
from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from matplotlib.axes import Axes
else:
    Axes = Any  # matplotlib is wanted for pictures only

BACKGROUND, INK, FAINT = "#0c1322", "#c8d3e6", "#2a3650"
COLOURS = ["#58c4f6", "#ffb347", "#ff6f91", "#9be564", "#c9a0ff", "#f7e463"]
STYLE: Any = {
    "figure.facecolor": BACKGROUND, "axes.facecolor": BACKGROUND, "savefig.facecolor": BACKGROUND,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.edgecolor": FAINT, "axes.spines.top": False, "axes.spines.right": False,
    "font.size": 9, "axes.labelsize": 10, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "xtick.major.size": 2, "ytick.major.size": 2, "lines.linewidth": 1.3, "legend.frameon": False,
    "legend.fontsize": 8, "image.cmap": "magma", "svg.hashsalt": "cotangent",
}
__all__ = ["Axes", "COLOURS", "FAINT", "INK", "check", "finish", "save"]
_missed: list[str] = []


def check(that: str, value: float, *, since: str, near: Optional[float] = None, within: float = 0.0,
          below: float = math.inf, above: float = -math.inf) -> None:
    """Prints what was found beside what was expected, and why; notes a miss."""
    met = above < value < below and (near is None or abs(value - near) <= within)
    bounds = [f"{near:.8g} +- {within:.2g}"] if near is not None else []
    bounds += [f"above {above:.8g}"] if above > -math.inf else []
    bounds += [f"below {below:.8g}"] if below < math.inf else []
    print(f"{'ok' if met else 'MISSED':6}  {that}: {value:.8g}, expected {', '.join(bounds)} ({since})")
    if not met:
        _missed.append(that)


def save(draw: Callable[[Axes], None], path: str) -> None:
    """Draws into a file, .png or .svg, in the style of the gallery."""
    try:
        from cycler import cycler
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        print("error: a picture needs matplotlib: python -m pip install matplotlib", file=sys.stderr)
        sys.exit(2)
    import numpy as np

    with rc_context(STYLE | {"axes.prop_cycle": cycler(color=COLOURS)}):
        figure = Figure(figsize=(4.8, 3.2), dpi=100, layout="constrained")
        draw(figure.add_subplot())
        if Path(path).suffix != ".png":
            figure.savefig(path, metadata={"Date": None})
            return
        from PIL import Image  # which matplotlib brings along
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        text = list(bytes.fromhex(INK[1:]))  # keeps its colour
        for colours in (64, 48, 40, 32, 24, 16):  # as few as make a small file
            palette = Image.new("P", (1, 1))
            palette.putpalette((pixels.quantize(colours - 1).getpalette() or [])[: 3 * colours - 3] + text)
            pixels.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
            if Path(path).stat().st_size <= 25_000:
                break


def finish(draw: Callable[[Axes], None]) -> None:
    """The end of an example: the picture, if it is asked for, and the exit code."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--picture", metavar="FILE", help="draw it: .png or .svg")
    picture: Optional[str] = parser.parse_args().picture
    if picture:
        save(draw, picture)
    if _missed:
        sys.exit(4)
