"""Draws the examples that are system files, from what `cotangent run --out DIR` wrote.

    python gallery/draw.py NAME DIR PICTURE      # as `cotangent examples run NAME --picture PICTURE` does
"""
from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from gallery import COLOURS, FAINT, INK, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = NDArray[np.float64]


class Run:
    """What was written of a run."""

    def __init__(self, folder: Path) -> None:
        self.result: dict[str, Any] = json.loads((folder / "result.json").read_text())
        self.path = self._columns(folder / "trajectory.csv")
        members = folder / "members.csv"
        self.members = self._columns(members) if members.exists() else {}

    @staticmethod
    def _columns(path: Path) -> dict[str, Numbers]:
        with path.open(newline="") as file:
            names = next(csv.reader(file))
            values = np.loadtxt(file, delimiter=",", ndmin=2)
        return dict(zip(names, values.T))

    def observable(self, name: str) -> tuple[Numbers, Numbers]:
        """Its times and values."""
        samples = self.result["observables"][name]
        return np.array(samples["t"]), np.array(samples["value"])


def plane(ax: Axes) -> None:
    """No axes, equal scales: a picture of places."""
    ax.set_aspect("equal")
    ax.axis("off")


def outer_solar_system(run: Run, ax: Axes) -> None:
    part = slice(0, 460)  # Pluto's first turn
    for i in range(5, 0, -1):
        x, y = (run.path[f"q[{i},{c}]"][part] - run.path[f"q[0,{c}]"][part] for c in (0, 1))
        ax.plot(x, y, color=COLOURS[i % len(COLOURS)], lw=1)
        ax.plot(x[-1], y[-1], "o", color=COLOURS[i % len(COLOURS)], ms=4)
    ax.plot(0, 0, "o", color=COLOURS[5], ms=6)
    plane(ax)


def kepler(run: Run, ax: Axes) -> None:
    x, y = run.path["q[0,0]"], run.path["q[0,1]"]
    turn = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(turn) - 0.6, 0.8 * np.sin(turn), color=FAINT)  # Kepler's ellipse
    for k in range(0, 50, 2):  # equal times, equal areas
        ax.plot([0, x[k]], [0, y[k]], color=FAINT, lw=0.8)
    ax.plot(x, y, "o", ms=2.5)
    ax.plot(x[:50:2], y[:50:2], "o", ms=3, color=COLOURS[1])
    ax.plot(0, 0, "o", color=COLOURS[5], ms=7)
    plane(ax)


def figure_eight(run: Run, ax: Axes) -> None:
    ax.plot(run.path["q[0,0]"], run.path["q[0,1]"], color=FAINT, lw=3)
    for i in range(3):
        x, y = run.path[f"q[{i},0]"][:22], run.path[f"q[{i},1]"][:22]
        ax.plot(x, y, color=COLOURS[i])
        ax.plot(x[-1], y[-1], "o", color=COLOURS[i], ms=7)
    plane(ax)


def henon_heiles(run: Run, ax: Axes) -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 200), np.linspace(-0.7, 1.1, 200))
    v = (x**2 + y**2) / 2 + x**2 * y - y**3 / 3
    ax.contour(x, y, v, levels=[0.02, 0.05, 0.09, 0.125, 1 / 6], colors=FAINT, linewidths=0.8)
    ax.plot(run.path["q[0]"], run.path["q[1]"], lw=0.35)
    plane(ax)


def fput_chain(run: Run, ax: Axes) -> None:
    for k in range(1, 5):
        t, energy = run.observable(f"mode_{k}")
        ax.plot(t / 1000, energy / run.observable("mode_1")[1][0], lw=1, label=f"wave {k}")
    ax.set(xlabel="time, thousands", ylabel="part of the energy", ylim=(0, 1.25))
    ax.legend(ncols=4, loc="upper center")


def lennard_jones_13(run: Run, ax: Axes) -> None:
    for i in range(13):
        x, y, z = (run.path[f"q[{i},{c}]"][:500] for c in range(3))
        ax.plot(0.9 * x + 0.44 * z, y + 0.2 * z - 0.1 * x, lw=0.3, color=COLOURS[i % 6])
    plane(ax)


def coupled_pendulums(run: Run, ax: Axes) -> None:
    for k, name in enumerate(["one", "the other"]):
        t, energy = run.observable(f"energy_{k}")
        ax.plot(t, energy * 1000, label=name)
    ax.set(xlabel="time", ylabel="energy, thousandths", ylim=(0, 1.65))
    ax.legend(ncols=2, loc="upper center")


def charges_in_a_trap(run: Run, ax: Axes) -> None:
    for i in range(20):
        ax.plot(run.path["t"], run.path[f"q[{i},0]"], color="#33527a", lw=0.4)
    t, centre = run.observable("centre")
    ax.plot(t, centre[:, 0], color=COLOURS[1], lw=1.8)
    ax.set(xlabel="time", ylabel="x of the charges and of their centre", xlim=(0, 30))


def kepler_ensemble(run: Run, ax: Axes) -> None:
    ax.plot(0, 0, "o", color=COLOURS[1], ms=20)
    ax.scatter(run.members["q[0,0]"], run.members["q[0,1]"], s=1.2, color=COLOURS[0], lw=0)
    plane(ax)


def lorenz(run: Run, ax: Axes) -> None:
    part = slice(0, 1400)
    x, y, z = (run.path[name][part] for name in "xyz")
    for k in range(0, len(x) - 1, 100):
        to = slice(k, k + 101)
        ax.plot(x[to] - 0.3 * y[to], z[to], lw=0.6, color=COLOURS[(k // 100) % 2 * 4])
    ax.axis("off")


def logistic_map(run: Run, ax: Axes) -> None:
    t, x = run.observable("population")
    ax.plot(t[:40], x[:40], lw=0.6, color="#33527a")
    for k in range(4):
        ax.plot(t[k:40:4], x[k:40:4], "o", ms=3.5)
    ax.set(xlabel="year", ylabel="population")


def rigid_body(run: Run, ax: Axes) -> None:
    for k, name in enumerate(["shortest", "middle", "longest"]):
        ax.plot(run.path["t"], run.path[f"z[{k}]"], lw=1.6 if k == 1 else 0.9, label=name,
                color=COLOURS[(1, 0, 2)[k]])
    ax.set(xlabel="time", ylabel="spin about each axis", xlim=(0, 100), ylim=(-1.1, 1.5))
    ax.legend(ncols=3, loc="upper center")


def mercury(run: Run, ax: Axes) -> None:
    t, angle = run.observable("perihelion")
    ax.plot(t[::25], angle[::25], "o", ms=4)
    ax.plot([0, 100], [0, 42.98], color=COLOURS[1], lw=0.8, label="Einstein: 42.98 a century")
    ax.plot([0, 100], [0, 0], color=COLOURS[2], lw=0.8, label="Newton")
    ax.set(xlabel="years", ylabel="perihelion, seconds of arc")
    ax.legend(loc="upper left")


def foucault(run: Run, ax: Axes) -> None:
    x, y = run.path["q[0,0]"], run.path["q[0,1]"]
    for k in range(0, 100, 2):
        ax.plot([-x[k], x[k]], [-y[k], y[k]], lw=0.7, color=COLOURS[0], alpha=1 - 0.8 * k / 100)
    ax.plot(x[:100:2], y[:100:2], "o", ms=2.5, color=COLOURS[1])
    plane(ax)


def kapitza(run: Run, ax: Axes) -> None:
    t, angle = run.observable("angle")
    ax.plot(t, np.degrees(angle), lw=0.8)
    ax.axhline(0, color=FAINT, lw=0.8)
    ax.set(xlabel="seconds", ylabel="degrees from upside down", xlim=(0, 5))


def predator_prey(run: Run, ax: Axes) -> None:
    for name, colour in (("hare", COLOURS[0]), ("lynx", COLOURS[1])):
        t, number = run.observable(name)
        ax.plot(t, number, color=colour, label=name)
    ax.set(xlabel="years", ylabel="thousands", xlim=(0, 50), ylim=(0, 95))
    ax.legend(ncols=2, loc="upper center")


def stiff_springs(run: Run, ax: Axes) -> None:
    for name in ("first", "second", "third"):
        ax.plot(*run.observable(name), lw=0.9, label=name)
    ax.plot(*run.observable("stiff"), lw=0.9, color=INK, label="all")
    ax.set(xlabel="time", ylabel="energy of the stiff springs", ylim=(0, 1.35))
    ax.legend(ncols=4, loc="upper center")


def magnetic_bottle(run: Run, ax: Axes) -> None:
    x, y, z = (run.path[f"q[0,{c}]"] for c in range(3))
    for side in (-1, 1):
        for r in (0.1, 0.2, 0.3, 0.4):
            line = np.linspace(-1.3, 1.3, 100)  # of the field: r^2 (1 + z^2) is constant
            ax.plot(line, side * r / np.sqrt(1 + line**2), color=FAINT, lw=0.7)
    ax.plot(z, x + 0.3 * y, lw=0.4)
    ax.set(xlabel="along the field", ylabel="across", ylim=(-0.5, 0.5))


def shadow_energy(run: Run, ax: Axes) -> None:
    q, p = run.path["q[0]"][:120], run.path["p[0]"][:120]
    energy = p**2 / 2 + 1 - np.cos(q)
    shadow = energy + 0.6**2 * (p**2 * np.cos(q) / 12 - np.sin(q) ** 2 / 24)
    ax.plot(energy - energy[0], ".-", lw=0.6, ms=3, label="energy")
    ax.plot(shadow - shadow[0], ".-", lw=0.6, ms=3, label="shadow energy, to second order")
    ax.set(xlabel="step", ylabel="off the start", ylim=(-0.045, 0.012))
    ax.legend(ncols=2, loc="upper center")


def polymer(run: Run, ax: Axes) -> None:
    for k, sample in enumerate((0, 700, 1500)):
        q = np.array([[run.path[f"q[{i % 16},{c}]"][sample] for c in range(3)] for i in range(17)])
        q -= q[:16].mean(axis=0)
        ax.plot(q[:, 0] + 7 * k, q[:, 1], "o-", ms=6, lw=2, color=COLOURS[k])
    plane(ax)


def damped(run: Run, ax: Axes) -> None:
    ax.plot(run.path["q[0]"], run.path["p[0]"], lw=1)
    ax.plot(1, 0, "o", ms=5)
    ax.plot(0, 0, "o", ms=5, color=COLOURS[2])
    ax.set(xlabel="place", ylabel="momentum")


def heavy_top(run: Run, ax: Axes) -> None:
    t, upright = run.observable("upright")
    tilt = np.degrees(np.arccos(upright))
    ax.plot(t, tilt)
    for bound in (0.8775826, 0.7962536):
        ax.axhline(np.degrees(np.arccos(bound)), color=COLOURS[1], lw=0.8, ls=":")
    ax.set(xlabel="time", ylabel="tilt, degrees", xlim=(0, 15))


def basket(run: Run, ax: Axes) -> None:
    ax.plot(run.path["q[0,0]"], run.path["q[0,1]"], lw=2)
    ax.plot([6.6, 6.6], [0.6, 2.4], color=INK, lw=3)
    ax.plot([5.77, 6.23], [1.2, 1.2], color=COLOURS[1], lw=3)
    ax.plot(0, 0, "o", color=COLOURS[0])
    ax.set(xlabel="metres", ylabel="metres", aspect="equal")


def main() -> None:
    name, folder, picture = sys.argv[1:]
    drawing: Callable[[Run, Axes], None] = globals()[name]
    run = Run(Path(folder))
    save(lambda ax: drawing(run, ax), picture)


if __name__ == "__main__":
    main()
