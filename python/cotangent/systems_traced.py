"""Systems from Python functions: an energy, a Lagrangian, equations of motion, an energy on a Lie
algebra.

The function is run once, with arrays that have shapes and no numbers; what it does with them is the
system. It is the same as the system file with the same expressions.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cotangent import _core
from cotangent.system import System
from cotangent.typing import ArrayLike, Shape

Energy = Callable[..., Any]
Observables = Mapping[str, Callable[..., Any]]


class _Function:
    """A person's function, and what it wants by name."""

    def __init__(
        self,
        function: Callable[..., Any],
        state: list[str],
        given: dict[str, Any],
        takes_all: bool = True,
    ) -> None:
        self.function = function
        self.title = (inspect.getdoc(function) or "").split("\n")[0]
        self.name = function.__name__
        self.file = inspect.getsourcefile(function) or "<python>"
        try:
            lines, self.line = inspect.getsourcelines(function)
            self.text = "".join(lines)
        except (OSError, TypeError):
            self.text, self.line = "", 1
        self.wanted: list[str] = []
        values = dict(given)
        for name, p in inspect.signature(function).parameters.items():
            if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                _core._refuse(
                    f"[{self.name}] the function takes *{name}",
                    "name each of its arguments: the state, t, and parameters",
                )
            self.wanted.append(name)
            if name in state or name == "t" or name in values:
                continue
            if p.default is p.empty:
                known = ", ".join([*state, "t", *given])
                _core._refuse(
                    f"[{self.name}] nothing says what '{name}' is",
                    f"give it to the decorator, {name}=..., or take one of {known}",
                )
            values[name] = p.default
        for name in given if takes_all else ():
            if name not in self.wanted:
                _core._refuse(
                    f"[{self.name}] the function does not take '{name}'",
                    "add it to the function's arguments, or leave it out",
                )
        #: Real numbers are parameters of the programs; whole ones, and what is no number, are fixed.
        self.fixed = {k: v for k, v in values.items() if not _is_real(v)}
        self.parameters = [(k, v) for k, v in values.items() if _is_real(v)]

    @property
    def names(self) -> list[str]:
        return [n for n in self.wanted if n not in self.fixed]

    def __call__(self, arrays: dict[str, Any]) -> Any:
        return self.function(**{n: arrays.get(n, self.fixed.get(n)) for n in self.wanted})

    def named(self, fallback: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """What it gives as a dict; what is none has the name `fallback`."""

        def call(arrays: dict[str, Any]) -> dict[str, Any]:
            given = self(arrays)
            return dict(given) if isinstance(given, Mapping) else {fallback: given}

        return call

    @property
    def place(self) -> tuple[str, str, tuple[str, int]]:
        return self.title or self.name, self.file, (self.text, self.line)


def _is_real(value: Any) -> bool:
    if isinstance(value, (bool, int, str)):
        return False
    try:
        return bool(np.asarray(value).dtype.kind == "f")
    except Exception:
        return False


def _shape_and_start(name: str, given: Any) -> tuple[tuple[int, ...], np.ndarray[Any, Any] | None]:
    """A shape, or an array to start from, which has one."""
    if isinstance(given, int) and not isinstance(given, bool):
        return (given,), None
    if isinstance(given, tuple) and all(isinstance(n, int) for n in given):
        return given, None
    if np.ndim(given) == 0:
        _core._refuse(f"[system] {name} is one number", "give a shape, such as (6, 3), or an array")
    start = np.ascontiguousarray(np.asarray(given), dtype=np.float64)
    return start.shape, start


def _generic(shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    """Numbers without symmetries to look at a system by, where no start is given."""
    k = np.arange(1, int(np.prod(shape)) + 1) + 1000 * seed
    return (2 * ((k * 0.6180339887498949) % 1.0) - 1).reshape(shape)


def _observe(
    program: _core._Program, observe: Observables | None, state: list[str], energy: _Function
) -> None:
    """Adds what functions of the state and the system's parameters give, by their names."""
    for name, function in (observe or {}).items():
        f = _Function(function, state, {**energy.fixed, **dict(energy.parameters)}, False)
        known = {k for k, _ in energy.parameters}
        for k, _ in f.parameters:
            if k not in known:
                _core._refuse(
                    f"[{name}] '{k}' is no parameter of the system",
                    "make it one, or take it from outside of the function",
                )
        _core._trace_observables(program, f.named(name), f.names, 0)


def _started(
    program: _core._Program,
    shape: tuple[int, ...],
    start: np.ndarray[Any, Any] | None,
    name: str,
    moving: ArrayLike | None,
) -> System:
    """The system of a program from q = `start` with momenta or velocities, `name`. Where q is not given,
    it stands at generic numbers to be looked at, and runs want to be told; at rest, where q is."""
    unset = set() if start is not None else {"q"} if moving is not None else {"q", "p"}
    if moving is None:
        moving = _generic(shape, 1) if start is None else np.zeros(shape)
    if start is None:
        start = _generic(shape, 0)
    return System(_core._system_of(program, [("q", start), (name, moving)]), frozenset(unset))


def hamiltonian(
    q: Shape | ArrayLike,
    p: ArrayLike | None = None,
    v: ArrayLike | None = None,
    observe: Observables | None = None,
    **parameters: Any,
) -> Callable[[Energy], System]:
    """Makes a system of a function that gives its energy H(q, p).

        @ct.hamiltonian(q=(6, 3), G=2.96e-4, m=masses)
        def solar_system(q, p, G, m): ...

    The function takes q, p, t and parameters by name, as many as it needs. It gives one real number,
    or a dict of named terms, whose sum H is.

    Args:
        q: the shape of q and of p, [N, d] for N particles in d dimensions, or [n]: then runs have to
            be told where they start; or an array, from which they do.
        p: momenta from which runs start, where q is an array; zero if neither they nor v are given.
        v: velocities in their place.
        observe: functions of q, p, v, t and parameters, by the names of what they give in a run.
        parameters: what else the function takes by name. Real numbers and arrays are parameters
            that can be changed and differentiated by; whole numbers are fixed.

    Raises:
        UserError: with the line, for what is not one real number, for a Python `if` on a traced
            value, for a name that nothing gives.
    """

    def decorate(function: Energy) -> System:
        shape, start = _shape_and_start("q", q)
        f = _Function(function, ["q", "p"], parameters)
        program = _core._trace_hamiltonian(
            shape, f.parameters, f.named("H"), f.names, *f.place
        )
        _observe(program, observe, ["q", "p", "v"], f)
        if p is not None and v is not None:
            _core._refuse("[hamiltonian] both p and v are given", "give one of them")
        name, moving = ("v", v) if v is not None else ("p", p)
        return _started(program, shape, start, name, moving)

    return decorate


def lagrangian(
    q: Shape | ArrayLike,
    v: ArrayLike | None = None,
    observe: Observables | None = None,
    **parameters: Any,
) -> Callable[[Energy], System]:
    """Makes a system of a function that gives its Lagrangian L(q, v), by the Legendre transform:
    p = dL/dv, H = p.v - L.

        @ct.lagrangian(q=[1.2, -0.7], g=9.81)
        def double_pendulum(q, v, g):
            kinetic = v[0]**2 + v[1]**2 / 2 + v[0] * v[1] * ct.cos(q[0] - q[1])
            return kinetic + g * (2 * ct.cos(q[0]) + ct.cos(q[1]))

    The function takes q, v, t and parameters by name, as many as it needs. It gives one real number,
    or a dict of named terms, whose sum L is. L is of degree 2 in v at most, with a positive definite
    d2L/dv2; terms that are linear in v (a magnetic field) are taken too. A term without v keeps its
    name in H, with the other sign; the rest is called kinetic and potential.

    Args:
        q: the shape of q and of v, or an array from which runs start.
        v: velocities from which runs start, where q is an array; zero if they are not given.
        observe: as `hamiltonian` has it.
        parameters: as `hamiltonian` has them.

    Raises:
        UserError: for an L that is not known to be quadratic in v, such as a relativistic one (give
            its energy), or whose d2L/dv2 is not positive definite; and as `hamiltonian`.
    """

    def decorate(function: Energy) -> System:
        shape, start = _shape_and_start("q", q)
        f = _Function(function, ["q", "v"], parameters)
        program = _core._trace_lagrangian(
            shape, f.parameters, f.named("L"), f.names, *f.place
        )
        _observe(program, observe, ["q", "p", "v"], f)
        return _started(program, shape, start, "v", v)

    return decorate


def lie_poisson(
    algebra: str,
    z: Shape | ArrayLike | None = None,
    observe: Observables | None = None,
    **parameters: Any,
) -> Callable[[Energy], System]:
    """Makes a system of a function that gives its energy H(z) on a Lie algebra's dual: dF/dt = {F, H}.

    The function takes z, t and parameters by name (docs/brackets.md).

    Args:
        algebra: "so3", "so4", "se2", "se3", "sl2", "sl3", "sl4" or "heisenberg".
        z: an array from which runs start; without one, and for its shape, they are told.
        observe: functions of z, t and parameters, by the names of what they give in a run.
        parameters: as `hamiltonian` has them.

    Raises:
        UserError: for an algebra that is not there; and as `hamiltonian`.
    """

    def decorate(function: Energy) -> System:
        f = _Function(function, ["z"], parameters)
        program = _core._trace_lie_poisson(
            algebra, f.parameters, f.named("H"), f.names, *f.place
        )
        _observe(program, observe, ["z"], f)
        shape, start = ((program.size,), None) if z is None else _shape_and_start("z", z)
        given = _generic(shape, 0) if start is None else start
        return System(
            _core._system_of(program, [("z", given)]), frozenset({"z"} if start is None else ())
        )

    return decorate


def equations(
    observe: Observables | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
    **given: Any,
) -> Callable[[Energy], System]:
    """Makes a system of a function that gives dx/dt of each array of the state.

        @ct.equations(x=(3,), sigma=10.0, rho=28.0, beta=8 / 3)
        def lorenz(x, sigma, rho, beta):
            return ct.stack([sigma * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - beta * x[2]])

    Args:
        initial: arrays of the state, by name, from which runs start.
        given: arrays of the state by their shapes, and
            parameters, as `hamiltonian` has them. A tuple of integers is the shape of an array of
            the state; runs are told where it starts, `flow.run(initial={"x": ...})`. With one array
            the function may give its rate alone, else it gives a dict of rates by name.
        observe: functions of the state, t and parameters, by the names of what they give in a run.
    """

    def decorate(function: Energy) -> System:
        starts = {k: np.asarray(x, dtype=np.float64) for k, x in (initial or {}).items()}
        if twice := [k for k in starts if k in given]:
            _core._refuse(
                f"[equations] '{twice[0]}' is given twice", "give an array of the state in initial, or its shape"
            )
        state = {k: x.shape for k, x in starts.items()}
        state |= {k: x for k, x in given.items() if isinstance(x, tuple)}
        parameters = {k: x for k, x in given.items() if k not in state}
        if not state:
            _core._refuse(
                "[equations] no array of the state is given",
                "give where it starts, initial={'x': [1.0, 0.0, 0.0]}, or its shape, x=(3,), and where it "
                "starts to flow.run",
            )
        f = _Function(function, list(state), parameters)
        program = _core._trace_equations(
            [(k, x) for k, x in state.items()], f.parameters, f.named(next(iter(state))), f.names,
            *f.place,
        )  # fmt: skip
        _observe(program, observe, list(state), f)
        places = [
            (k, starts[k] if k in starts else _generic(x, j)) for j, (k, x) in enumerate(state.items())
        ]
        return System(_core._system_of(program, places), frozenset(state) - frozenset(starts))

    return decorate


def link(a: System, b: System, coupling: Energy | None = None, **parameters: Any) -> System:
    """Two canonical systems as one, from where both start; `a + b` is the same without a coupling.

        def bond(qa, qb, k):
            return k * ct.dot(qa[-1] - qb[0], qa[-1] - qb[0]) / 2

        whole = ct.link(chain, wall, bond, k=3.0)

    The state is that of a, then that of b, along the first axis, with the terms, parameters and
    observables of both. Names that both have get a prefix, "a.k" and "b.k".

    Args:
        a: a canonical system.
        b: another, of as many axes; where one of them is told where it starts only in runs, so is the
            whole.
        coupling: what both share of the energy: a function of qa, pa, qb, pb, t and `parameters`, as
            many as it needs, that gives one real number or a dict of named terms.
        parameters: of the coupling, as `hamiltonian` has them.

    Raises:
        UserError: for systems that are not canonical, and states that do not fit together.
    """
    for side in (a, b):
        if not isinstance(side, System):
            _core._refuse(f"[link] a {type(side).__name__} is no system", "make one of a function, or ct.load one")
    unset = a._unset | b._unset
    if coupling is None:
        if parameters:
            _core._refuse(f"[link] '{next(iter(parameters))}' without a coupling", "give coupling=, which takes it")
        return System(_core._link(a._core, b._core, [], None, []), unset)
    f = _Function(coupling, ["qa", "pa", "qb", "pb"], parameters)
    return System(_core._link(a._core, b._core, f.parameters, f.named("coupling"), f.names), unset)


__all__ = ["equations", "hamiltonian", "lagrangian", "lie_poisson", "link"]
