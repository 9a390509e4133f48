"""Cotangent: a physics compiler.

    import cotangent as ct
    system = ct.load("outer_solar_system.toml")   # what it is
    flow = ct.compile(system, dt=10.0)            # how it is run, and why: flow.explain()
    run = flow.run()                              # where it goes
    run.plot()

docs/python.md teaches it. Numbers are float64 and in the units of the system file.
"""
from cotangent import fft as fft, linalg as linalg, random as random, typing as typing
from cotangent._core import VERSION as __version__
from cotangent._core import Decision, Fact
from cotangent.arrays import *  # noqa: F403
from cotangent.errors import DeviceError, Error, InternalError, RunError, UserError
from cotangent.flow import Explanation, Flow, Plan, compile
from cotangent.gradients import GradCheck, Gradient, check_grad
from cotangent.interop import to_jax, to_torch
from cotangent.numpy_names import *  # noqa: F403
from cotangent.numpy_shapes import *  # noqa: F403
from cotangent.run import Invariants, Run, RunWarning, Samples, Trajectory, load_run
from cotangent.system import Facts, System, load
from cotangent.systems_traced import equations, hamiltonian, lagrangian, lie_poisson, link
from cotangent.transforms import *  # noqa: F403
from cotangent.trees import *  # noqa: F403
from cotangent.types import *  # noqa: F403

__all__ = [
    "Decision",
    "DeviceError",
    "Error",
    "Explanation",
    "Fact",
    "Facts",
    "Flow",
    "GradCheck",
    "Gradient",
    "InternalError",
    "Invariants",
    "Plan",
    "Run",
    "RunError",
    "RunWarning",
    "Samples",
    "System",
    "Trajectory",
    "UserError",
    "__version__",
    "check_grad",
    "compile",
    "equations",
    "fft",
    "hamiltonian",
    "lagrangian",
    "lie_poisson",
    "link",
    "linalg",
    "load",
    "load_run",
    "random",
    "to_jax",
    "to_torch",
]
