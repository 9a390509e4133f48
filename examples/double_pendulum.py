"""A double pendulum: small swings are a song of two notes, large ones are never the same again.

The kinetic energy mixes angles and momenta, so kicks and drifts do not do; the planner takes the implicit
midpoint rule, which is symplectic for any energy.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import COLOURS, Axes, check, finish

G = 9.81


@ct.hamiltonian(q=(2,), g=G)
def pendulum(q: Any, p: Any, g: Any) -> Any:
    """A double pendulum"""  # masses and lengths are 1
    c = ct.cos(q[0] - q[1])
    kinetic = (p[0] ** 2 - 2 * c * p[0] * p[1] + 2 * p[1] ** 2) / (2 * (2 - c**2))
    return {"kinetic": kinetic, "gravity": -g * (2 * ct.cos(q[0]) + ct.cos(q[1]))}


for sign, name in ((-1, "slow"), (1, "fast")):
    period = 2 * np.pi / np.sqrt(G * (2 + sign * 2**0.5))
    shape = 1e-3 * np.array([1.0, -sign * 2**0.5])
    flow = ct.compile(pendulum, dt=period / 1000, steps=10_250)
    check(f"where the {name} note is after ten periods and a quarter, in parts of its swing",
          float(np.abs(flow.run(shape, np.zeros(2)).q / shape).max()), below=1e-3,
          since="w^2 = g (2 +- sqrt 2) / l; the method is late by 2 pi 10 (w dt)^2 / 12 = 2e-4")

flow = ct.compile(pendulum, dt=0.002, steps=10_000, every=5)
start = np.array([2.0, 2.5])
runs = [flow.run(start + nudge, np.zeros(2)) for nudge in (0.0, 1e-9)]
apart = np.linalg.norm(runs[1].trajectory.q - runs[0].trajectory.q, axis=1)
check("two starts 1e-9 apart, after 20 s", float(apart[-1]), above=0.1,
      since="chaos, as Shinbrot and others (1992) measured it: it has grown a hundred million times")
check("the energy, relative", runs[0].invariants.max_rel_error("energy"), below=1e-3,
      since="symplectic, order 2: it swings and does not drift")


def draw(ax: Axes) -> None:
    for run, colour in zip(runs, COLOURS):
        q = run.trajectory.q[1300:2001]
        x, y = np.sin(q[:, 0]) + np.sin(q[:, 1]), -np.cos(q[:, 0]) - np.cos(q[:, 1])
        ax.plot(x, y, color=colour, lw=0.8)
        joint = (np.sin(q[-1, 0]), -np.cos(q[-1, 0]))
        ax.plot([0, joint[0], x[-1]], [0, joint[1], y[-1]], "o-", color=colour, lw=2)
    ax.set_aspect("equal")
    ax.axis("off")


finish(draw)
