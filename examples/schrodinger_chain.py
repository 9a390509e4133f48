"""One mass of a long chain is let go; what the others do is known (Schroedinger 1914).

Of an endless chain of unit masses and springs the n-th is at J_2n(2 t), a Bessel function. The equations
are proved linear, so any time is one step away, and a billion steps cost what one does.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import Axes, check, finish

SITES, TIME = 401, 90
first = np.zeros(SITES)
first[SITES // 2] = 1.0


@ct.hamiltonian(q=first)
def chain(q: Any, p: Any) -> Any:
    """A chain"""
    stretch = q[1:] - q[:-1]
    return {"kinetic": ct.sum(p * p) / 2, "springs": ct.sum(stretch * stretch) / 2}


flow = ct.compile(chain, dt=0.5, steps=2 * TIME, every=1)
run = flow.run()
print(flow.plan.method, "-", flow.plan.decisions[0].reason)

# J_m(x) is the mean of cos(m a - x sin a) over a turn; equally spaced points make that exact.
angle = 2 * np.pi * np.arange(1024) / 1024
n = np.arange(SITES) - SITES // 2
bessel = np.cos(2 * n[:, None] * angle - 2 * TIME * np.sin(angle)).mean(axis=1)
check("how far any of 401 masses is from J_2n(2 t) at t = 90", float(np.abs(run.q - bessel).max()),
      below=1e-11, since="the exact flow, up to round-off; the ends have not been reached")
check("where the largest displacement is", float(abs(n[np.argmax(run.q)])), near=87.7, within=0.5,
      since="J_m(x) is largest where x = m + 0.8086 m^(1/3), here m = 2 n and x = 180")

long = ct.compile(chain, dt=0.5, steps=10**9, every=5 * 10**8).run()
check("the energy after 10^9 steps, relative", long.invariants.max_rel_error("energy"), below=1e-9,
      since="each mode turns by an angle that is worked out at once")


def draw(ax: Axes) -> None:
    ax.imshow(abs(run.trajectory.q) ** 0.7, aspect="auto", origin="lower", vmax=0.4, extent=(n[0], n[-1], 0, TIME))
    ax.set(xlabel="mass", ylabel="time", xlim=(-120, 120))


finish(draw)
