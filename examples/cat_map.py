"""Arnold's cat: a picture that is stirred beyond recognition, and comes back to the last dot.

The map (x, y) -> (2 x + y, x + y) stretches and folds the square as the simplest chaos does. On 124 by 124 dots it is
a shuffle, and a shuffle returns: here after 15 rounds (Dyson and Falk 1992).
"""
from __future__ import annotations

from typing import Any

import cotangent as ct
import numpy as np

from gallery import Axes, check, finish

N = 124
x, y = np.meshgrid(np.arange(N), np.arange(N))
u, v = (x - N / 2) / N, (N / 2 - y) / N
head = (u / 0.36) ** 2 + ((v + 0.05) / 0.3) ** 2 < 1
ears = (abs(abs(u) - 0.22) < 0.4 * (0.42 - v)) & (v > 0.05) & (v < 0.42)
eyes = ((abs(u) - 0.14) / 0.06) ** 2 + ((v - 0.02) / 0.09) ** 2 < 1
nose = (u / 0.035) ** 2 + ((v + 0.12) / 0.025) ** 2 < 1
cat = np.where(eyes, 1.0, np.where(nose, 0.9, np.where(head | ears, 0.62, 0.12)))


@ct.jit
def rounds(picture: Any) -> Any:
    """The picture after each of 15 rounds."""
    source = (2 * x + y) % N, (x + y) % N

    def stir(picture: Any, _: Any) -> Any:
        picture = picture[source[1], source[0]]
        return picture, picture

    return ct.scan(stir, picture, length=15)[1]


stirred = np.asarray(rounds(cat))
changed = [(one != cat).mean() for one in stirred]
check("dots that differ after 15 rounds", float(changed[14]), below=1e-9,
      since="the 15th power of the matrix is 1 modulo 124, exactly")
check("the least that differ before", float(min(changed[:14])), above=0.2,
      since="no smaller power is; a thorough shuffle of this picture moves half of it")
check("the brightness, off what it was", float(abs(np.sort(stirred[6], axis=None) - np.sort(cat, axis=None)).max()),
      below=1e-15, since="the determinant is 1: no dot is lost")


def draw(ax: Axes) -> None:
    rows = [np.hstack([cat, stirred[0], stirred[1]]), np.hstack([stirred[4], stirred[13], stirred[14]])]
    ax.imshow(np.vstack(rows), vmin=0, vmax=1.1)
    for k, name in enumerate(["0", "1", "2", "5", "14", "15"]):
        ax.text(N * (k % 3) + 5, N * (k // 3) + 14, name, fontsize=10, weight="bold")
    ax.axis("off")


finish(draw)
