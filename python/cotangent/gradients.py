"""Gradients of runs."""
from __future__ import annotations

import html
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Union

import numpy as np
from numpy.typing import NDArray

from cotangent import _core

Array = NDArray[np.float64]


class Gradient(Mapping[str, Array]):
    """A gradient: `g["q"]` shaped like q, `g["G"]` like the parameter G; read-only arrays without
    copies."""

    def __init__(self, core: _core.GradientAnswer) -> None:
        self._core = core
        self._arrays: dict[str, Array] = core.gradient

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    @property
    def value(self) -> float:
        """What it is the gradient of."""
        return self._core.value

    @property
    def status(self) -> str:
        """"finished", "non-finite" (of the run, or on the way back), or "stopped" by a monitor."""
        return self._core.status

    @property
    def digits(self) -> Optional[float]:
        """Decimal digits that are left, about; None where that was not measured."""
        return self._core.digits

    @property
    def lost_at(self) -> Optional[float]:
        """The time from which on round-off decides what the state is; None: never."""
        return self._core.lost_at

    @property
    def policy(self) -> str:
        """What was kept of the run: "all", "checkpoints" or "reverse"."""
        return self._core.policy

    @property
    def kept_bytes(self) -> int:
        """The most that took."""
        return self._core.kept_bytes

    @property
    def notes(self) -> list[str]:
        """What is to be said beside the numbers; `flow.gradient` warns of it."""
        return self._core.notes

    def __repr__(self) -> str:
        lines = [f"value {self.value:.15g} ({self.status}, policy {self.policy})"]
        lines += [f"by {name}: {np.array2string(x, threshold=12)}" for name, x in self.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


class GradCheckRow(NamedTuple):
    """One of the four ways: "reverse", "forward", "differences", "dot product"."""

    way: str
    """Which of the four."""
    state: str
    """"agrees", "disagrees", "not finite", "nothing" or "refused"."""
    compared: int
    """How many numbers were compared."""
    worst: float
    """The largest difference, relative."""
    tolerance: float
    """What it may be."""
    where: str
    """Where the largest difference is, and both numbers."""


class GradCheck:
    """The verdict of `check_grad`; true where it passes."""

    def __init__(self, verdict: str, reason: str, text: str, rows: list[Any]) -> None:
        self.verdict = verdict
        """"pass", "fail", or "inconclusive" where differences have no digits or meet a kink."""
        self.reason = reason
        """Why it does not pass."""
        self.rows = [GradCheckRow(*row) for row in rows]
        """The four ways."""
        self._text = text

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self._text)}</pre>"


def check_grad(what: Any, of: Optional[str] = None, wrt: Union[str, list[str], tuple[str, ...]] = (),
               **how: Any) -> GradCheck:
    """Whether gradients of runs are right, four ways: in reverse, forward (the tangent map), against
    differences of the run itself (central, extrapolated), and by the dot products that the two
    directions share.

    Runs the system some twenty times for each component: a hundred steps are a good start.

    Parameters
    ----------
    what : Flow, System or path
        A system, or a system file, is compiled first.
    of : str, optional
        An objective as in `flow.gradient`; without one the whole last state, by random cotangents.
    wrt : str or sequence of str
        Names; without them the initial state and all real parameters.
    **how
        `components`: how many numbers are compared with differences (16). `tolerance`: the largest
        relative difference (1e-6, with f32 1e-3). `q0`, `p0`, `v0`, `initial`, `steps`: as in
        `flow.run`.

    Returns
    -------
    GradCheck
        True where it passes; print it for the table. "inconclusive", which is not true, where
        differences have no digits or meet a kink.
    """
    from cotangent.flow import Flow, compile

    flow = what if isinstance(what, Flow) else compile(what)
    return flow.check_grad(of, wrt, **how)
