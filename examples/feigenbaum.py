"""The logistic map's way into chaos, and the number that is the same for all such ways.

At r_n the cycle of 2^n values goes through 1/2, where it attracts most. Newton's method finds r_n with
the derivative through all 2^n applications; the steps between the r_n shrink by Feigenbaum's 4.6692.
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import Axes, check, finish


def apply(r: Any, x: Any, times: int) -> Any:
    return ct.fori_loop(0, times, lambda _, x: r * x * (1 - x), x)


r = [2.0, 1 + 5**0.5]  # of the cycles of 1 and 2 values
delta = 4.0
for n in range(2, 11):
    miss = ct.jit(ct.value_and_grad(lambda r: apply(r, 0.5, 2**n) - 0.5))
    guess = r[-1] + (r[-1] - r[-2]) / delta
    for _ in range(8):
        value, slope = miss(guess)
        guess -= float(value) / float(slope)
    r.append(guess)
    delta = (r[-2] - r[-3]) / (r[-1] - r[-2])
    print(f"cycle of {2**n:4}: r = {guess:.14f}, ratio {delta:.8f}")

check("the ratio of the steps", delta, near=4.669201609, within=1e-4,
      since="Feigenbaum 1978; the ratios come near by a factor of about 4.7 each")
check("where chaos begins", r[-1] + (r[-1] - r[-2]) / (delta - 1), near=3.569945672, within=1e-9,
      since="the limit of the r_n, known to many digits")
slope = float(ct.grad(lambda x: apply(r[5], x, 32))(0.5))
check("a small change of x after a round of 32", abs(slope), below=1e-9,
      since="the cycle goes through 1/2, where the map is flat")


def draw(ax: Axes) -> None:
    r = np.linspace(2.9, 4.0, 1100)
    x = ct.jit(ct.vmap(lambda r: ct.scan(lambda x, _: (r * x * (1 - x),) * 2,
                                         apply(r, 0.4, 500), length=120)[1]))(r)
    ax.plot(np.repeat(r, 120), np.asarray(x).ravel(), ",", alpha=0.13)
    ax.set(xlabel="r", ylabel="population", xlim=(2.9, 4), ylim=(0, 1))


finish(draw)
