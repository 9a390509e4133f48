"""The slide on which a bead is fastest (Johann Bernoulli 1696): a cycloid, found by Newton's method.

The slide is 60 straight pieces; on each the bead's acceleration is constant, so its time is exact. The
time's gradient and Hessian by the depths of the joints are the compiler's.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import COLOURS, Axes, check, finish

G, PIECES = 9.81, 60
x = np.pi * np.linspace(0, 1, PIECES + 1) ** 2.5  # closer where it is steep


def descent(depth: Any) -> ct.Array:
    """The time from (0, 0) to (pi, 2), by the depths of the joints between."""
    y = ct.concatenate([np.zeros(1), depth, np.array([2.0])])
    speed = ct.sqrt(2 * G * y[1:])
    before = ct.concatenate([np.zeros(1), speed[:-1]])
    return ct.sum(2 * ct.hypot(np.diff(x), y[1:] - y[:-1]) / (speed + before))


time, slope, curvature = ct.jit(descent), ct.jit(ct.grad(descent)), ct.jit(ct.hessian(descent))
depth = 2 * x[1:-1] / np.pi  # a straight slide
slides = [depth]
for attempt in range(40):
    g, h = np.asarray(slope(depth)), np.asarray(curvature(depth))
    values, vectors = np.linalg.eigh(h)
    step = -vectors @ (vectors.T @ g / np.maximum(abs(values), 1e-6))
    size = 1.0
    while size > 1e-9 and not (min(depth + size * step) > 0 and time(depth + size * step) <= time(depth)):
        size /= 2
    depth = depth + size * step
    slides.append(depth)
    if np.abs(g).max() < 1e-11:
        break
print(f"{len(slides) - 1} steps of Newton")

best = np.pi / np.sqrt(G)
check("the time of the slide, s", float(time(depth)), above=best, below=best * 1.001,
      since="the cycloid's pi sqrt(R / g) with R = 1 m; nothing is faster, and 60 pieces miss it by 1/60^2 or so")
turn = np.linspace(0, np.pi, 20001)
cycloid = np.interp(x, turn - np.sin(turn), 1 - np.cos(turn))
check("how far the slide is from the cycloid, m", float(np.abs(depth - cycloid[1:-1]).max()), below=0.01,
      since="the minimum is flat: heights are worse than the time")
check("the time of the straight slide", float(time(slides[0])), near=float(np.hypot(np.pi, 2) / np.sqrt(G)),
      within=1e-12, since="Galileo: length times sqrt(2 / (g height))")


def draw(ax: Axes) -> None:
    for k, slide in enumerate(slides):
        last = k == len(slides) - 1
        ax.plot(x, -np.concatenate([[0], slide, [2]]), lw=2.5 if last else 0.5, color=COLOURS[1 if last else 0])
    ax.plot(turn - np.sin(turn), np.cos(turn) - 1, ":", color="black", lw=1)
    ax.set(xlabel="metres", ylabel="metres", aspect="equal")


finish(draw)
