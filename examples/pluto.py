"""Pluto crosses Neptune's orbit and never meets it: three turns of one are two of the other.

The angle 3 l_Pluto - 2 l_Neptune - (Pluto's perihelion) swings about 180 degrees, so that Pluto is at its
perihelion only where Neptune is not (Cohen and Hubbard 1965). Planets go by Kepler flows, 400 days a step.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import cotangent as ct
import numpy as np

from gallery import Axes, check, finish

YEARS = 200_000
system = ct.load(Path(__file__).parent / "outer_solar_system.toml")
flow = ct.compile(system, dt=400.0, steps=YEARS * 365 // 400, method="wisdom_holman", every=50)
run = flow.run()
m = system.parameters["m"]
q, v = run.trajectory.q, run.trajectory.p / m[:, None]
q, v = q - q[:, :1], v - v[:, :1]  # as seen from the Sun
years = run.trajectory.t / 365.25

z = np.cross(q[0], v[0] * m[:, None]).sum(axis=0)  # upwards from the plane that never moves
z /= np.linalg.norm(z)
x = np.cross([0.0, 1.0, 0.0], z)
x /= np.linalg.norm(x)
frame = np.array([x, np.cross(z, x), z])


def longitudes(i: int) -> tuple[Any, Any]:
    """Mean longitude and that of the perihelion."""
    r, w = q[:, i] @ frame.T, v[:, i] @ frame.T
    h = np.cross(r, w)
    e = np.cross(w, h) / (system.parameters["G"] * (m[0] + m[i])) - r / np.linalg.norm(r, axis=1)[:, None]
    node = np.arctan2(h[:, 0], -h[:, 1])
    across = np.stack([np.cos(node), np.sin(node), 0 * node], axis=1)
    along = np.cross(h / np.linalg.norm(h, axis=1)[:, None], across)
    turn = np.arctan2((e * along).sum(axis=1), (e * across).sum(axis=1))
    true = np.arctan2((r * along).sum(axis=1), (r * across).sum(axis=1)) - turn
    size = np.linalg.norm(e, axis=1)
    anomaly = 2 * np.arctan(np.sqrt((1 - size) / (1 + size)) * np.tan(true / 2))
    return node + turn + anomaly - size * np.sin(anomaly), node + turn


(neptune, _), (pluto, perihelion) = longitudes(4), longitudes(5)
angle = np.degrees(3 * pluto - 2 * neptune - perihelion) % 360
up = np.flatnonzero((angle[:-1] < 180) & (angle[1:] >= 180))
up = up[np.insert(np.diff(years[up]) > 5000, 0, True)]  # once a swing
swing = float(np.diff(years[up]).mean())
check("the least of the angle, degrees", float(angle.min()), above=90,
      since="Cohen and Hubbard 1965: it swings by 80 or so")
check("the greatest", float(angle.max()), below=270, since="the same")
check("a swing, years", swing, near=19_900, within=400, since="19,900 years (Williams and Benson 1971)")
check("Pluto's least distance from the Sun, AU", float(np.linalg.norm(q[:, 5], axis=1).min()),
      below=30.0, since="inside of Neptune's orbit")
check("and from Neptune", float(np.linalg.norm(q[:, 5] - q[:, 4], axis=1).min()), above=16.0,
      since="which is elsewhere then")


def draw(ax: Axes) -> None:
    ax.plot(years / 1000, angle, ".", ms=1.2)
    ax.axhline(180, lw=0.6)
    ax.set(xlabel="thousand years", ylabel="3 Pluto - 2 Neptune, degrees", xlim=(0, 100),
           ylim=(0, 360), yticks=[0, 90, 180, 270, 360])


finish(draw)
