"""Progress of a run: a line on a terminal, a bar in a notebook, or a function of one's own."""
from __future__ import annotations

import html
import sys
from typing import Any, Callable, Optional, Union

from cotangent import _core

# (step, steps, t, seconds, energy_error, text)
Report = Callable[[int, int, float, float, float, str], Any]
Progress = Union[None, bool, Report]

_QUIET_SECONDS = 0.5  # shorter runs show nothing unless asked


class _Terminal:
    def __init__(self, stream: Any, quiet: float) -> None:
        self._stream, self._quiet, self._width = stream, quiet, 0

    def __call__(self, step: int, steps: int, t: float, seconds: float, energy_error: float,
                 text: str) -> None:
        if seconds < self._quiet:
            return
        cells = 24
        full = int(cells * step / max(steps, 1))
        line = "[" + "=" * full + " " * (cells - full) + "] " + text
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def close(self) -> None:
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()


class _Notebook:
    def __init__(self, display: Any, quiet: float) -> None:
        self._display, self._quiet, self._handle = display, quiet, None

    def __call__(self, step: int, steps: int, t: float, seconds: float, energy_error: float,
                 text: str) -> None:
        if seconds < self._quiet:
            return
        shown = _Html(f"<progress value='{step}' max='{max(steps, 1)}'></progress> "
                      f"{html.escape(text)}")
        if self._handle is None:
            self._handle = self._display(shown, display_id=True)
        elif hasattr(self._handle, "update"):
            self._handle.update(shown)

    def close(self) -> None:
        if self._handle is not None and hasattr(self._handle, "update"):
            self._handle.update(_Html(""))


class _Html:
    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return ""


def _notebook_display() -> Optional[Any]:
    """IPython's display, where there is a notebook to show it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython and hasattr(ipython, "get_ipython") else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    module = sys.modules.get("IPython.display")
    return getattr(module, "display", None)


class Shown:
    """`with Shown(progress) as report`: what to call, or None."""

    def __init__(self, progress: Progress) -> None:
        self._bar: Any = None
        self._report: Optional[Report] = None
        if not (progress is None or isinstance(progress, bool) or callable(progress)):
            _core._refuse(f"progress is {progress!r}",
                          "give True, False, None or a function of (step, steps, t, seconds, energy_error, text)")
        if callable(progress):
            self._report = progress
        elif progress is not False:
            quiet = 0.0 if progress else _QUIET_SECONDS
            display = _notebook_display()
            if display is not None:
                self._bar = _Notebook(display, quiet)
            elif sys.stderr is not None and (progress or sys.stderr.isatty()):
                self._bar = _Terminal(sys.stderr, quiet)
            self._report = self._bar

    def __enter__(self) -> Optional[Report]:
        return self._report

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
