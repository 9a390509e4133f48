"""What the programs of this folder are given, and what is right.

docs/peer_tasks.md has the tasks in words. What is right comes from elsewhere: SciPy's integrator at a
tolerance of 1e-12, and leapfrog in NumPy.
"""

import functools
import pathlib
import tomllib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
Arrays = list[np.ndarray]


class Case(NamedTuple):
    name: str
    programs: dict[str, str]  #: by whose they are, the modules
    prepare: Callable[[Any], Callable[[], Any]]  #: of a module, a call that does the task once
    right: Callable[[], Arrays]  #: what it gives; of many lanes, for the first few
    tolerance: float  #: the most an array may be off, over its largest number


def solve(rates, x, times):
    from scipy.integrate import solve_ivp

    span = (times[0], times[-1])
    return solve_ivp(rates, span, x, "DOP853", times, rtol=1e-12, atol=1e-12).y.T


# --- a pendulum's length and damping, from angles over ten seconds that are off by 0.05 or so

TIMES = np.linspace(0.0, 10.0, 101)


def angles_of(unknown):
    length, damping = unknown
    rates = lambda t, y: [y[1], -9.81 / length * np.sin(y[0]) - damping * y[1]]
    return solve(rates, [1.0, 0.0], TIMES)[:, 0]


@functools.cache
def observed():
    return angles_of([0.5, 0.1]) + 0.05 * np.random.default_rng(1).normal(size=TIMES.shape)


def prepare_fit(module):
    angles = observed()
    return lambda: module.fit(TIMES, angles)


def best_fit():
    from scipy.optimize import least_squares

    angles = observed()
    return [least_squares(lambda u: angles_of(u) - angles, [0.5, 0.1], xtol=1e-12, ftol=1e-14).x]


# --- Lorenz: z after 5 units of time, and its derivatives by the start and by the parameters

PARAMETERS = np.array([10.0, 28.0, 8 / 3])
START = np.array([1.0, 1.0, 20.0])
STARTS = START + np.random.default_rng(1).normal(size=(1000, 3))


def slopes(start):
    """By the equations that the derivatives follow."""
    sigma, rho, beta = PARAMETERS

    def rates(t, state):
        (x, y, z), d = state[:3], state[3:].reshape(3, 6)
        by_time = np.array([[-sigma, sigma, 0], [rho - z, -1, -x], [y, x, -beta]]) @ d
        by_time[[0, 1, 2], [3, 4, 5]] += [y - x, x, -z]
        return np.concatenate(
            [[sigma * (y - x), x * (rho - z) - y, x * y - beta * z], by_time.ravel()]
        )

    end = solve(rates, np.concatenate([start, np.eye(3, 6).ravel()]), [0.0, 5.0])[-1]
    return [end[2], end[9 + 6 : 9 + 9], end[9 + 9 : 9 + 12]]


def few_slopes():
    return [np.stack(column) for column in zip(*map(slopes, STARTS[:5]))]


# --- bodies


def solar_system():
    text = (ROOT / "examples" / "outer_solar_system.toml").read_text(encoding="utf-8")
    file = tomllib.loads(text)
    q, v = (np.array(file["initial"][name], dtype=float) for name in "qv")
    return file["parameters"]["G"] * np.array(file["parameters"]["m"]), q, v


def cluster():
    random = np.random.default_rng(2)
    return np.full(64, 1 / 64), random.normal(size=(64, 3)), 0.3 * random.normal(size=(64, 3))


def leapfrog(m, q, v, dt, steps):
    def acceleration(q):
        d = q[None] - q[:, None]
        r2 = np.sum(d * d, axis=-1)
        np.fill_diagonal(r2, np.inf)
        return np.sum(m[:, None] * d * r2[..., None] ** -1.5, axis=1)

    a = acceleration(q)
    for _ in range(steps):
        v = v + dt / 2 * a
        q = q + dt * v
        a = acceleration(q)
        v = v + dt / 2 * a
    return [q, v]


def bodies(name, m, q, v, dt, steps):
    def prepare(module):
        simulate = module.simulator(m, dt, steps)
        return lambda: simulate(q, v)

    programs = {"Cotangent": "nbody", "JAX": "nbody_jax"}
    return Case(name, programs, prepare, lambda: leapfrog(m, q, v, dt, steps), 1e-9)


def programs(task):
    return {"Cotangent": task, "diffrax": f"{task}_diffrax", "JAX": f"{task}_jax"}


CASES = [
    Case("pendulum fit", programs("pendulum_fit"), prepare_fit, best_fit, 1e-4),
    Case("Lorenz gradient", programs("lorenz_gradient"),
         lambda module: lambda: module.gradient(START, PARAMETERS), lambda: slopes(START), 2e-5),
    Case("Lorenz gradients, 1,000 starts", programs("lorenz_gradient"),
         lambda module: lambda: module.gradients(STARTS, PARAMETERS), few_slopes, 1e-4),
    bodies("6 bodies, 20,000 steps", *solar_system(), 10.0, 20000),
    bodies("64 bodies, 1,000 steps", *cluster(), 0.001, 1000),
]  # fmt: skip
