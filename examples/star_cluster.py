"""A hundred stars at rest fall together, pass through one another, and settle into a cluster.

The energy is a function of all places; the pairs stay a loop over pairs, and forces are derived from it.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import COLOURS, Axes, check, finish

STARS, SOFT = 100, 0.05
rng = np.random.default_rng(4)
q0 = rng.normal(size=(STARS, 3))
q0 *= (rng.uniform(size=(STARS, 1)) ** (1 / 3)) / np.linalg.norm(q0, axis=1, keepdims=True)
q0 -= q0.mean(axis=0)


def attraction(a: Any, b: Any) -> Any:
    away = a - b
    return -1 / (STARS**2 * ct.sqrt(ct.dot(away, away) + SOFT**2))


def pull(q: Any) -> Any:
    """The sum of q . dV/dq."""
    return ct.jvp(lambda q: ct.pair_sum(attraction, q), (q,), (q,))[1]


@ct.hamiltonian(q=q0, observe={"inwards": pull, "growth": lambda q, v: ct.sum(q * v) / STARS})
def cluster(q: Any, p: Any) -> Any:
    """A star cluster"""
    return {"kinetic": STARS * ct.sum(p * p) / 2, "gravity": ct.pair_sum(attraction, q)}


run = ct.compile(cluster, dt=0.002, steps=8000, order=4, every=10, threads=1).run()
kinetic, inwards = run.energies["kinetic"], run.observables["inwards"]
growth = run.observables["growth"]
mean = float((2 * kinetic - inwards)[:-1].mean())
check("the mean of 2 T - sum q . dV/dq", mean, near=float(growth[-1] - growth[0]) / run.t, within=2e-3,
      since="Clausius 1870: it is the rate of change of sum q . p; 800 samples of its mean")
late = slice(len(kinetic) // 2, None)
check("2 T over what pulls inwards, once it is settled", float(2 * kinetic[late].mean() / inwards[late].mean()),
      near=1.0, within=0.1, since="the virial theorem: what is bound neither grows nor shrinks")
check("the drift of the centre", run.invariants.max_abs_error("momentum"), below=1e-13,
      since="Noether: no force from outside")
check("the energy, relative", run.invariants.max_rel_error("energy"), below=1e-4,
      since="order 4 through close encounters")


def draw(ax: Axes) -> None:
    q = run.trajectory.q - np.median(run.q, axis=0)  # some are thrown out
    for i in range(STARS):
        ax.plot(q[-25:, i, 0], q[-25:, i, 1], lw=0.7, color=COLOURS[i % 6])
        ax.plot(q[-1, i, 0], q[-1, i, 1], ".", ms=3, color=COLOURS[i % 6])
    ax.set(xlim=(-0.9, 0.9), ylim=(-0.6, 0.6), aspect="equal")
    ax.axis("off")


finish(draw)
