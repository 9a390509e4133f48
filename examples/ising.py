"""Ising's magnet: spins that like to agree, and heat that will not let them.

A checkerboard of updates by Metropolis; each temperature is a lane of one program. Below T = 2.269 there is a
magnetisation, and it is known exactly (Onsager 1949, Yang 1952).
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import Axes, check, finish

SIZE, SWEEPS = 64, 800
i, j = np.indices((SIZE, SIZE))
BLACK = (i + j) % 2 == 0


def sweep(spins: Any, key: Any, t: Any) -> Any:
    """Every spin once: those of one colour see only the other."""
    for colour, k in ((BLACK, 0), (~BLACK, 1)):
        field = sum(ct.roll(spins, d, axis) for d in (1, -1) for axis in (0, 1))
        chance = ct.exp(-2 * spins * field / t)
        draw = ct.random.uniform(ct.random.split(key)[k], (SIZE, SIZE))
        spins = ct.where(colour & (draw < chance), -spins, spins)
    return spins


def history(t: Any, key: Any) -> Any:
    """The last spins and the magnetisation after each sweep, from all up."""

    def step(spins: Any, k: Any) -> Any:
        spins = sweep(spins, k, t)
        return spins, ct.mean(spins)

    return ct.scan(step, ct.ones((SIZE, SIZE)), ct.random.split(key, SWEEPS))


temperatures = np.array([1.8, 2.0, 2.15, 2.4])
spins, m = ct.jit(ct.vmap(history))(temperatures, ct.random.split(ct.random.Key(3), 4))
for t, mean in zip(temperatures[:3], np.asarray(m)[:3, 200:].mean(axis=1)):
    check(f"the magnetisation at T = {t}", float(mean), near=float((1 - np.sinh(2 / t) ** -4) ** 0.125), within=0.015,
          since="(1 - sinh(2/T)^-4)^(1/8); 600 sweeps of 4096 spins know it to 0.005")
check("the same at T = 2.4, above the transition", float(abs(np.asarray(m)[3, 200:].mean())), below=0.15,
      since="there is none there")


def draw(ax: Axes) -> None:
    t = np.linspace(1.5, 2.6, 400)
    ax.plot(t, np.maximum(1 - np.sinh(2 / t) ** -4, 0) ** 0.125)
    ax.plot(temperatures, abs(np.asarray(m)[:, 200:].mean(axis=1)), "o")
    ax.set(xlabel="temperature", ylabel="magnetisation", ylim=(-0.05, 2.6), yticks=[0, 0.5, 1])
    for k in range(4):
        panel = ax.inset_axes((0.02 + 0.245 * k, 0.5, 0.235, 0.42))
        panel.imshow(np.asarray(spins)[k], vmin=-1.6, vmax=1.6)
        panel.set_title(f"T = {temperatures[k]}", fontsize=8)
        panel.axis("off")


finish(draw)
