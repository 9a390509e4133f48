"""From the Earth to Mars with the least push: half an ellipse (Hohmann 1925), found by shooting.

Where a ship is when it should arrive is a number that a flow gives; its gradient by the velocity at the start,
exact for the steps that are made, is what Newton's method wants.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import COLOURS, Axes, check, finish

MARS = 1.523679  # half axis in AU; a year is 2 pi
flight = np.pi * ((1 + MARS) / 2) ** 1.5


@ct.hamiltonian(q=np.array([[1.0, 0.0]]), p=np.array([[0.0, 1.0]]))
def ship(q: Any, p: Any) -> Any:
    """A ship about the Sun"""
    return {"kinetic": ct.dot(p[0], p[0]) / 2, "sun": -1 / ct.norm(q[0])}


flow = ct.compile(ship, dt=flight / 800, steps=800, order=8)
goal = np.array([-MARS, 0.0])
velocity = np.array([0.0, 1.0])  # the Earth's
tries = []
for attempt in range(12):
    tries.append(flow.run(p0=[velocity]))
    rows = [flow.gradient(f"q[0,{c}]", wrt="p", p0=[velocity]) for c in (0, 1)]
    miss = np.array([row.value for row in rows]) - goal
    print(f"v = {velocity[0]:+.6f}, {velocity[1]:.6f}: misses Mars by {np.hypot(*miss):.1e} AU")
    if np.hypot(*miss) < 1e-12:
        break
    step = np.linalg.solve(np.array([row["p"][0] for row in rows]), miss)
    velocity = velocity - step * min(1.0, 0.1 / float(np.hypot(*step)))

push = float(np.hypot(*(velocity - [0.0, 1.0]))) * 29.7847  # km/s
check("the push, km/s", push, near=29.7847 * (np.sqrt(2 * MARS / (1 + MARS)) - 1), within=1e-6,
      since="Hohmann: v = sqrt(2 r / (1 + r)) at the start of an ellipse that touches both orbits")
check("the flight, days", flight * 365.25636 / (2 * np.pi), near=258.9, within=0.1,
      since="half of Kepler's period for the half axis 1.26")
check("the speed at Mars", float(np.hypot(*tries[-1].v[0])), near=np.sqrt(2 / (MARS * (1 + MARS))),
      within=1e-9, since="equal areas: v r is the same at both ends")


def draw(ax: Axes) -> None:
    turn = np.linspace(0, 2 * np.pi, 200)
    for radius, colour in ((1.0, COLOURS[0]), (MARS, COLOURS[2])):
        ax.plot(radius * np.cos(turn), radius * np.sin(turn), color=colour, lw=0.8, alpha=0.7)
    for k, run in enumerate(tries):
        ax.plot(*run.trajectory.q[:, 0].T, color=COLOURS[5], lw=2 if run is tries[-1] else 0.6)
    ax.plot(0, 0, "o", color=COLOURS[1], ms=10)
    ax.plot(*goal, "o", color=COLOURS[2], ms=6)
    ax.plot(1, 0, "o", color=COLOURS[0], ms=6)
    ax.set_aspect("equal")
    ax.axis("off")


finish(draw)
