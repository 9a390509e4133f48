"""The standard map: a rotor that is kicked once a turn (Chirikov 1969).

Islands of order in a sea of chaos. Up to kicks of 0.9716 a curve of golden winding number bars the way
(Greene 1979); strong kicks make momenta walk at random, slower or faster than a blind walk would.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import COLOURS, Axes, check, finish


def orbits(kick: float, x: Any, p: Any, turns: int) -> tuple[Any, Any]:
    """Places and momenta after each turn, [turns, orbits]."""

    def turn(state: tuple[ct.Array, ct.Array], _: Any) -> tuple[Any, Any]:
        x, p = state
        p = p + kick * ct.sin(x)
        return (x + p, p), (x + p, p)

    path = ct.jit(lambda x, p: ct.scan(turn, (x, p), length=turns)[1])(x, p)
    return np.asarray(path[0]), np.asarray(path[1])


x0, p0 = np.random.default_rng(1).uniform(0, 2 * np.pi, (2, 20_000))
p = orbits(0.9, x0[:500], p0[:500], 5000)[1]
check("the farthest walk at kick 0.9, in turns", float(np.abs(p - p[0]).max()) / (2 * np.pi), below=1.0,
      since="the golden curve is whole up to 0.9716, and there is one in every turn of momentum")
p = orbits(1.2, x0[:500], p0[:500], 5000)[1]
check("the same at kick 1.2", float(np.abs(p - p[0]).max()) / (2 * np.pi), above=1.0,
      since="the last curve has broken")

walk = ((orbits(10.0, x0, p0, 100)[1] - p0) ** 2).mean(axis=1)
j1, j2, j3 = 0.04347275, 0.25463031, 0.05837938  # Bessel functions at 10
theory = 100 * (0.5 - j2 - j1**2 + j2**2 + j3**2)
check("the mean square of the momentum a turn, at kick 10", float(walk[99] - walk[19]) / 80,
      near=theory, within=2.5,
      since="Rechester, Rosenbluth and White 1981, up to terms like 100 J_2^3 = 1.7; a blind walk has 50")


def draw(ax: Axes) -> None:
    for k, first in enumerate(np.linspace(0, np.pi, 36)):
        x, p = orbits(0.9716, np.array([np.pi * (k % 2), 0.3]), np.array([first, first]), 300)
        ax.plot(x % (2 * np.pi), p % (2 * np.pi), ",", color=COLOURS[k % 6])
        ax.plot(-x % (2 * np.pi), -p % (2 * np.pi), ",", color=COLOURS[k % 6])
    ax.set(xlabel="angle", ylabel="momentum", xlim=(0, 2 * np.pi), ylim=(0, 2 * np.pi))


finish(draw)
