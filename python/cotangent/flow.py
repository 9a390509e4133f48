"""Flows: a system, planned and compiled."""
from __future__ import annotations

import html
import os
import warnings
from typing import Any, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cotangent import _core
from cotangent._progress import Progress, Shown
from cotangent import _settings as given_as
from cotangent._settings import pairs_of, whole
from cotangent.gradients import GradCheck, Gradient
from cotangent.run import Run, RunWarning
from cotangent.system import System, load

Array = NDArray[np.float64]


class Explanation(str):
    """A text that prints as itself and that notebooks show in lines of equal width."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


class Plan:
    """What was decided, and why."""

    def __init__(self, core: _core.Flow) -> None:
        self._core = core

    @property
    def method(self) -> str:
        """The method, as [run] would name it."""
        return self._core.method

    @property
    def order(self) -> int:
        """Its order in dt; 0 where it has none (exact, or a map)."""
        return self._core.order

    @property
    def dt(self) -> float:
        """The step, in the units of the system."""
        return self._core.dt

    @property
    def steps(self) -> int:
        """Steps of a run, unless `flow.run` is asked for others."""
        return self._core.steps

    @property
    def every(self) -> int:
        """Steps between samples of what has no cadence of its own."""
        return self._core.every

    @property
    def precision(self) -> str:
        """How the state is carried: "f64", "f32", ... (docs/precision.md)."""
        return self._core.precision

    @property
    def decisions(self) -> list[_core.Decision]:
        """All of them, each with its reason."""
        return self._core.decisions

    def __repr__(self) -> str:
        return self._core.plan_text.rstrip("\n")

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{html.escape(d.decision)}</td><td>{html.escape(d.choice)}</td>"
                       f"<td style='text-align:left'>{html.escape(d.reason)}</td></tr>"
                       for d in self.decisions)
        return f"<table><tr><th>decision</th><th>choice</th><th>reason</th></tr>{rows}</table>"


def _state(system: System, q0: Optional[ArrayLike], p0: Optional[ArrayLike],
           v0: Optional[ArrayLike], initial: Optional[Mapping[str, ArrayLike]],
           what: str = "") -> dict[str, Array]:
    """What is given of a start; for `what`, that has to be all of it."""
    given: dict[str, ArrayLike] = given_as.table("initial", initial, '{"q": [1.0]}')
    for name, value in (("q", q0), ("p", p0), ("v", v0)):
        if value is not None:
            given[name] = value
    if what:
        system._want_start(given, what)
    return {name: given_as.numbers(name, value) for name, value in given.items()}


def _count(steps: Optional[int]) -> Optional[int]:
    return None if steps is None else whole("steps", steps)


class _How(NamedTuple):
    trajectory: bool
    threads: int
    cpu: str


class Flow:
    """A system, planned and compiled; made by `compile()`. Immutable, and safe to use from several
    threads: the interpreter's lock is released while it computes."""

    def __init__(self, core: _core.Flow, how: _How, unset: frozenset[str]) -> None:
        self._core = core
        self._how = how
        self._unset = unset
        self._others: dict[Any, Flow] = {}
        self._gradients: dict[Any, _core.CompiledGradient] = {}

    @property
    def system(self) -> System:
        """The system, with what was set when it was compiled."""
        return System(self._core.system, self._unset)

    @property
    def plan(self) -> Plan:
        """Method, order, dt and all other decisions with their reasons."""
        return Plan(self._core)

    @property
    def compile_seconds(self) -> float:
        """Seconds that making machine code took; little where the code cache had it."""
        return self._core.compile_seconds

    def explain(self, show: Sequence[str] = ("facts", "plan")) -> Explanation:
        """What `cotangent explain` prints: facts with their proofs, and the plan with its reasons.

        `show`: of "facts", "plan", "program", "kernels" and "code" (LLVM IR and assembly). A text
        that notebooks show as one. UserError for a name that is none.
        """
        return Explanation(self._core.explain(
            given_as.names("show", show, 'give names: ("facts", "plan", "program")')))

    def _with(self, observe: Optional[Mapping[str, Any]], every: Optional[int]) -> Flow:
        """The same with more to observe; compiled once for each."""
        more = given_as.table("observe", observe, '{"r": "norm(q[0])"}')
        key = repr((sorted(more.items(), key=lambda pair: pair[0]), every))
        if key not in self._others:
            pairs = pairs_of(None, observe={**more, "every": every})
            self._others[key] = Flow(
                _core.compile(self._core.system.with_overrides(pairs), *self._how), self._how,
                self._unset)
        return self._others[key]

    def run(self, q0: Optional[ArrayLike] = None, p0: Optional[ArrayLike] = None,
            steps: Optional[int] = None, *, v0: Optional[ArrayLike] = None,
            initial: Optional[Mapping[str, ArrayLike]] = None, t0: Optional[float] = None,
            observe: Optional[Mapping[str, Any]] = None, every: Optional[int] = None,
            trajectory: bool = True, reverse: bool = False, progress: Progress = None,
            interrupt: str = "return") -> Run:
        """Runs it.

        Parameters
        ----------
        q0, p0, v0 : array_like, optional
            Where it starts, of the system's shape and in its units, in place of what its file says.
            p0 and v0 exclude each other.
        initial : mapping, optional
            The same by name; for systems without q and p by the names of their arrays.
        steps : int, optional
            How many steps; those of the plan otherwise.
        t0 : float, optional
            The time at the start; 0 otherwise.
        observe : mapping, optional
            More observables, as [observe] has them: `{"r": "norm(q[1] - q[0])"}`, or with a cadence
            `{"r": {"expr": "...", "every": 10}}`. Compiled at the first call and kept.
        every : int, optional
            Steps between samples (observables, invariants, trajectory) in place of the plan's.
        trajectory : bool
            Whether the state is sampled too. UserError where that would not fit in 4 GB.
        reverse : bool
            Time runs backwards.
        progress : bool or callable, optional
            None: a bar, on a terminal and in a notebook, for runs of more than half a second. True:
            in any case. False: none. Or a function of (step, steps, t, seconds, energy_error, text),
            called some twenty times a second; what it raises ends the run.
        interrupt : "return" or "raise"
            What Ctrl-C does. It stops the run within a second, in the main thread, and what was
            computed is kept: "return" gives the run, with status "interrupted" and a `RunWarning`,
            as the command line does; a second Ctrl-C finds Python at work again and is a
            KeyboardInterrupt. "raise" raises KeyboardInterrupt, whose `run` is the run: for loops
            over many runs, which one Ctrl-C should end.

        Returns
        -------
        Run
            Also of a run that turned non-finite or was stopped by a monitor: `run.status` says so,
            a `RunWarning` says where and why, and `run.check()` raises. `run.steps` of them were
            made.
        """
        if not isinstance(interrupt, str) or interrupt not in ("return", "raise"):
            _core._refuse(f"interrupt is {interrupt!r}", 'give "return" or "raise"')
        trajectory, reverse = given_as.flag("trajectory", trajectory), given_as.flag("reverse", reverse)
        t0 = None if t0 is None else given_as.real("t0", t0)
        if observe or every is not None:
            return self._with(observe, every).run(
                q0, p0, steps, v0=v0, initial=initial, t0=t0, trajectory=trajectory,
                reverse=reverse, progress=progress, interrupt=interrupt)
        with Shown(progress) as report:
            core = self._core.run(_state(self.system, q0, p0, v0, initial, "run"), _count(steps), t0,
                                  trajectory, reverse, report)
        run = Run(core)
        if run.status == "interrupted" and interrupt == "raise":
            error = KeyboardInterrupt(f"interrupted after step {run.steps} of {run.planned_steps}")
            error.run = run  # type: ignore[attr-defined]
            raise error
        for text in run.notes:
            warnings.warn(text, RunWarning, stacklevel=2)
        return run

    def step(self, *state: ArrayLike, steps: int = 1, t: float = 0.0) -> tuple[Array, ...]:
        """Some steps and nothing else: no samples, no monitors; for loops in Python.

        `state`: q and p, or the arrays of the state in the order of `system.state_names`; at time
        `t`. Gives them after `steps` steps of the plan's dt, as new arrays, with the bits that a run
        of as many steps ends with. Microseconds for small systems. Ctrl-C waits for its end. UserError
        for other shapes, and where the state is not finite at the end. The first call compiles.
        """
        try:
            return self._core.step(state, steps, t)  # type: ignore[arg-type]
        except TypeError:  # not yet arrays of float64
            parts = list(self.system.state_names) + ["state"] * len(state)
            arrays = [given_as.numbers(name, x) for name, x in zip(parts, state)]
            return self._core.step(arrays, whole("steps", steps), given_as.real("t", t))

    def gradient(self, of: str, wrt: Union[str, Sequence[str]], *, at: str = "final",
                 every: Optional[int] = None, q0: Optional[ArrayLike] = None,
                 p0: Optional[ArrayLike] = None, v0: Optional[ArrayLike] = None,
                 initial: Optional[Mapping[str, ArrayLike]] = None, t0: Optional[float] = None,
                 steps: Optional[int] = None, progress: Progress = None,
                 parameters: Optional[Mapping[str, ArrayLike]] = None) -> Gradient:
        """The gradient of a number that a run gives, exact for the discrete method.

        What may be kept of the run is said by [gradient] (`ct.compile(..., gradient={"policy":
        "checkpoints", "budget": "10 MB"})`). Where the method was left to the planner, it is one that
        can be undone (docs/methods.md). The first call with an `of` and a `wrt` compiles. Ctrl-C
        raises KeyboardInterrupt: half a gradient is none. How it works: docs/mechanics.md.

        Parameters
        ----------
        of : str
            An expression as in [observe], or the name of an observable, of an energy term, or
            "energy".
        wrt : str or sequence of str
            "q", "p" or "v" (of other systems the names of their arrays), and real parameters. Beside
            "v", or where the system starts with velocities and neither is named, velocities are held
            fixed, else momenta.
        at : "final" or "mean"
            Of the last state, or of the mean over samples, the first and the last among them.
        every : int, optional
            The cadence of those samples, in steps.
        q0, p0, v0, initial, t0, steps, progress
            As in `run()`.
        parameters : mapping of str to array_like, optional
            Other values of real parameters, for this call alone and without compiling again: what a
            fit changes from step to step. Parameters that the file works out of others keep theirs.

        Returns
        -------
        Gradient
            Its `value`, and `g["q"]` shaped like q. `g.status` is "non-finite" where the run or the
            way back is.

        Raises
        ------
        UserError
            For names that are none, and for methods without a gradient.

        Warns
        -----
        RunWarning
            Where the digits are lost, because the system is chaotic and the run long.
        """
        names = given_as.names("wrt", wrt, "give names of the state and of parameters")
        given_as.text("at", at, 'give "final" or "mean"')
        every = None if every is None else whole("every", every)
        if not isinstance(of, str):
            _core._refuse(
                f"of is a {type(of).__name__}, and gradients of runs are of expressions",
                "give one, \"norm(q[0])\", or the name of what is observed: "
                "ct.hamiltonian(..., observe={...}) takes functions")
        key = (of, tuple(names), at, every)
        if key not in self._gradients:
            self._gradients[key] = _core.compile_gradient(self._core, of, names, at, every)
        others = given_as.table("parameters", parameters, '{"k": 2.0}')
        for name, value in others.items():
            if not np.isfinite(given_as.numbers(f"the parameter {name!r}", value)).all():
                _core._refuse(f"the parameter {name!r} is not finite", "give finite numbers")
        t0 = None if t0 is None else given_as.real("t0", t0)
        with Shown(progress) as report:
            core = self._gradients[key].run(_state(self.system, q0, p0, v0, initial, "gradient"),
                                            others, _count(steps), t0, report)
        if core.status == "interrupted":
            raise KeyboardInterrupt("interrupted: there is no gradient")
        for text in core.notes:
            warnings.warn(text, RunWarning, stacklevel=2)
        return Gradient(core)

    def check_grad(self, of: Optional[str] = None, wrt: Union[str, Sequence[str]] = (), *,
                   q0: Optional[ArrayLike] = None, p0: Optional[ArrayLike] = None,
                   v0: Optional[ArrayLike] = None,
                   initial: Optional[Mapping[str, ArrayLike]] = None, steps: Optional[int] = None,
                   components: int = 16, tolerance: Optional[float] = None) -> GradCheck:
        """Whether gradients of its runs are right; see `cotangent.check_grad`."""
        names = given_as.names("wrt", wrt, "give names of the state and of parameters")
        of = "" if of is None else given_as.text("of", of, 'give an expression, "norm(q[0])"')
        components = whole("components", components)
        if components < 1:
            _core._refuse(f"components is {components}", "check one or more")
        tolerance = None if tolerance is None else given_as.real("tolerance", tolerance)
        return GradCheck(*_core.check_gradient(
            self._core, of, names, _state(self.system, q0, p0, v0, initial), steps, components,
            tolerance))

    def __reduce__(self) -> tuple[Any, ...]:
        return _compiled, (self.system, self._how)

    def __repr__(self) -> str:
        p = self.plan
        order = f" of order {p.order}" if p.order else ""
        return f"<cotangent.Flow {self.system.title!r}: {p.method}{order}, dt = {p.dt:g}, {p.steps} steps>"

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(self.system.title)}</b>" + self.plan._repr_html_()


def compile(system: Union[System, str, os.PathLike[str]], *, dt: Optional[Any] = None, t_end: Optional[Any] = None,
            steps: Optional[int] = None, method: Optional[str] = None, order: Optional[int] = None,
            splitting: Optional[str] = None, accuracy: Optional[float] = None,
            precision: Optional[str] = None, compensated: Optional[Sequence[str]] = None,
            lattice: Optional[Mapping[str, float]] = None, tolerance: Optional[Any] = None,
            coordinates: Optional[str] = None, corrector: Optional[int] = None,
            modes: Optional[Union[bool, str]] = None, matrix: Optional[str] = None,
            every: Optional[int] = None, observe: Optional[Mapping[str, Any]] = None,
            monitor: Optional[Mapping[str, Any]] = None,
            multirate: Optional[Mapping[str, Any]] = None,
            ensemble: Optional[Mapping[str, Any]] = None,
            gradient: Optional[Mapping[str, Any]] = None,
            overrides: Optional[Mapping[str, Any]] = None, trajectory: bool = True,
            threads: int = 0, cpu: str = "") -> Flow:
    """Proves what it can about a system, plans how to run it, and compiles that.

    Parameters
    ----------
    system : System or path
        A system, or the path of a system file.
    dt, t_end, steps, accuracy : optional
        What [run] has (docs/system_files.md), in place of what the file says: two of dt, t_end and
        steps give the third, `accuracy` finds order and dt. Times may have units, "1 day", where the
        file has.
    method, order, splitting : optional
        `method="auto"` leaves it to the planner (docs/methods.md).
    precision, compensated, lattice : optional
        How the state is carried (docs/precision.md).
    tolerance, coordinates, corrector, modes, matrix : optional
        Of the methods that read them (docs/methods.md).
    every, observe : optional
        Of [observe]: steps between samples, and more observables, `{"r": "norm(q[1] - q[0])"}`.
    monitor, multirate, gradient, ensemble : mapping, optional
        Those tables: `ensemble={"size": 1000, "spread": {"q": {"normal": 0.01}}}`.
    overrides : mapping, optional
        Anything else, by dotted key, as in `load()`.
    trajectory : bool
        Whether runs will sample the state; else that program is made when it is asked for.
    threads : int
        0: all cores. Never changes results.
    cpu : str
        The processor code is made for, "" for this one. Never changes results.

    Returns
    -------
    Flow
        Compiled, for any number of runs.

    Raises
    ------
    UserError
        With the fact that forbids it, for a choice that does not fit the system; with the place in
        the file for anything wrong there.

    Warns
    -----
    RunWarning
        A step too long for the fastest motion, forces that do not see a jump.
    """
    if not isinstance(system, (System, str, os.PathLike)):
        _core._refuse(
            f"a {type(system).__name__} is no system",
            "make one of a function, @ct.hamiltonian(q=...), or read one from a file: ct.load")
    if not isinstance(system, System):
        system = load(system)
    pairs = pairs_of(
        overrides,
        run={"dt": dt, "t_end": t_end, "steps": steps, "method": method, "order": order,
             "splitting": splitting, "accuracy": accuracy, "precision": precision,
             "compensated": compensated, "lattice": lattice, "tolerance": tolerance,
             "coordinates": coordinates, "corrector": corrector, "modes": modes, "matrix": matrix},
        observe={"every": every, **given_as.table("observe", observe, '{"r": "norm(q[0])"}')},
        monitor=monitor, multirate=multirate, gradient=gradient, ensemble=ensemble)
    threads = whole("threads", threads)
    if threads < 0:
        _core._refuse(f"threads is {threads}", "give a number of threads, or 0 for all cores")
    how = _How(given_as.flag("trajectory", trajectory), threads,
               given_as.text("cpu", cpu, 'give the name of a processor, "" for this one'))
    if pairs:
        system = system._with(pairs)
    if accuracy is not None:
        # Short runs from there find dt.
        system._want_start((), "accuracy", 'overrides={"initial.q": ..., "initial.p": ...}'
                           if system.form == "canonical" else 'overrides={"initial.x": ...}')
    flow = _compiled(system, how)
    for text in flow._core.warnings:
        warnings.warn(text, RunWarning, stacklevel=2)
    return flow


def _compiled(system: System, how: _How) -> Flow:
    return Flow(_core.compile(system._core, *how), how, system._unset)
