"""Trojans: asteroids that share Jupiter's orbit, 60 degrees ahead of it (Lagrange 1772).

In the frame that turns with Sun and Jupiter the energy mixes places and momenta; its quadratic part
flows exactly, and gravity kicks. The derivatives of the energy at L4 give the two frequencies there.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import COLOURS, Axes, check, finish

MU = 9.5388e-4  # Jupiter's part of the mass


def energy(q: Any, p: Any) -> Any:
    x, y = q[0], q[1]
    motion = ct.dot(p, p) / 2 - (x * p[1] - y * p[0])
    return {"motion": motion, "sun": -(1 - MU) / ct.sqrt((x + MU) ** 2 + y**2),
            "jupiter": -MU / ct.sqrt((x - 1 + MU) ** 2 + y**2)}


l4 = np.array([0.5 - MU, 3**0.5 / 2, -(3**0.5) / 2, 0.5 - MU])  # q and p, at rest in this frame
matrix = np.asarray(ct.hessian(lambda z: sum(energy(z[:2], z[2:]).values()))(l4))
values, vectors = np.linalg.eig(np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]]) @ matrix)
slow = int(np.argmin(np.where(values.imag > 0, values.imag, 9)))
theory = np.sqrt((1 - np.sqrt(1 - 27 * MU * (1 - MU))) / 2)
check("the slow frequency at L4", float(values[slow].imag), near=theory, within=1e-10,
      since="Gascheau 1843: w^4 - w^2 + 27 mu (1 - mu) / 4 = 0")

trojan = ct.hamiltonian(q=l4[:2], p=l4[2:])(energy)
period = 2 * np.pi / theory
flow = ct.compile(trojan, dt=period / 4000, steps=4000, method="implicit_midpoint")
nudge = 1e-4 * vectors[:, slow].real / np.abs(vectors[:, slow]).max()
run = flow.run(l4[:2] + nudge[:2], l4[2:] + nudge[2:])
check("where a small swing is after a period, in parts of its size",
      float(np.abs(np.concatenate([run.q, run.p]) - l4 - nudge).max()) / 1e-4, below=0.01,
      since="147 years for Jupiter's Trojans; the swing is not quite small")

flow = ct.compile(trojan, dt=0.01, steps=40_000, every=20)
print(flow.plan.method, "-", flow.plan.decisions[0].reason)
wide = []  # two tadpoles, and a horseshoe after Murray and Dermott, "Solar System Dynamics"
for x, y, speed in ((0.5025, 0.8695, 0.0), (0.507, 0.874, 0.0), (-0.97668, 0.0, -0.06118)):
    wide.append(flow.run([x, y], [-y, x + speed]))
check("Jacobi's integral over a horseshoe", wide[2].invariants.max_abs_error("energy"), below=1e-5,
      since="it is the energy of the frame that turns")


def draw(ax: Axes) -> None:
    for run, colour in zip(wide[::-1], (COLOURS[0], COLOURS[2], COLOURS[1])):
        ax.plot(*run.trajectory.q.T, lw=0.5, color=colour)
    ax.plot(-MU, 0, "o", color=COLOURS[5], ms=9)
    ax.plot(1 - MU, 0, "o", color=COLOURS[4], ms=6)
    ax.set_aspect("equal")
    ax.axis("off")


finish(draw)
