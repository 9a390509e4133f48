"""Runs: where a system went."""
from __future__ import annotations

import html
import importlib
import json
import os
import pathlib
import tempfile
from typing import Any, Iterator, Mapping, Optional, Union

import numpy as np
from numpy.typing import NDArray

from cotangent import _core, _settings as given_as
from cotangent.errors import RunError, UserError

Array = NDArray[np.float64]
Steps = NDArray[np.int64]


class RunWarning(UserWarning):
    """What a run or a plan has to say beside its answer: a state that turned non-finite, a step too
    long, digits that are lost. `warnings.simplefilter("error", ct.RunWarning)` makes errors of
    them."""


def _missing(package: str, what: str) -> UserError:
    error = UserError(f"{what} needs {package}, which is not installed\n"
                      f"python -m pip install {package}")
    error.what = f"{what} needs {package}, which is not installed"
    error.remedy = f"python -m pip install {package}"
    return error


class Samples(Mapping[str, Array]):
    """Quantities sampled in time: `samples["name"]` is a read-only array [samples] + the quantity's
    shape, a view of what the run recorded. Each has its own cadence: `samples.t("name")`."""

    def __init__(self, series: list[Any]) -> None:
        self._series: dict[str, Any] = {one[0]: one for one in series}

    def _one(self, name: str) -> Any:
        if isinstance(name, str) and name in self._series:
            return self._series[name]
        raise KeyError(f"{name!r}; there are {', '.join(self._series) or 'none'}")

    def __getitem__(self, name: str) -> Array:
        return self._one(name)[4]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def times(self, name: str) -> Array:
        """The times of its samples, [samples]."""
        return self._one(name)[3]  # type: ignore[no-any-return]

    def steps(self, name: str) -> Steps:
        """The steps of its samples, [samples]: 0, the multiples of its cadence, the last one."""
        return self._one(name)[2]  # type: ignore[no-any-return]

    def every(self, name: str) -> int:
        """Its cadence, in steps."""
        return int(self._one(name)[1])

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {' x '.join(map(str, self[name].shape))}" for name in self)


class Trajectory(Samples):
    """The state along the run: `trajectory.q` [samples, N, d] at the times `trajectory.t`; by name
    too, `trajectory["q"]`. Of an ensemble the mean of its members."""

    @property
    def t(self) -> Array:
        """Times, [samples]."""
        return self.times(self._any())

    @property
    def step(self) -> Steps:
        """Steps, [samples]."""
        return self.steps(self._any())

    def _any(self) -> str:
        for name in self:
            return name
        raise UserError("this run has no trajectory: run it with trajectory=True")

    def __getattr__(self, name: str) -> Array:
        if not name.startswith("_"):
            if name in self._series:
                return self[name]
            if not self._series:
                self._any()
        raise AttributeError(f"the trajectory has no {name!r}; it has {', '.join(self)}")


class Invariants(Samples):
    """What should be kept: `invariants["energy"]` is an array [samples] + shape as in `Samples`."""

    def __init__(self, series: list[Any], figures: list[Any]) -> None:
        super().__init__(series)
        self._figures = {one[0]: one for one in figures}

    def _figure(self, name: str) -> Any:
        self._one(name)
        return self._figures[name]

    def how(self, name: str) -> str:
        """Whether it is "proved" to be kept by the exact motion, or "tested"."""
        return str(self._figure(name)[1])

    def max_abs_error(self, name: str) -> float:
        """The largest deviation of any component from its initial value, over the samples."""
        return float(self._figure(name)[3])

    def max_rel_error(self, name: str) -> float:
        """The same over the initial size; of momenta over the sum of the parts' sizes."""
        return float(self._figure(name)[4])

    def __repr__(self) -> str:
        return "\n".join(f"{name}: largest error {self.max_abs_error(name):.2g}, "
                         f"relative {self.max_rel_error(name):.2g} ({self.how(name)})"
                         for name in self)


class Run:
    """What a run gives. Arrays are read-only views of what was computed, without copies; they keep
    it alive. float64, in the units of the system.

    `q`, `p`, `v` and `t` are where it ended; `trajectory` is the way there.
    """

    def __init__(self, core: _core.Run) -> None:
        self._core = core
        self._final: dict[str, Array] = core.final

    # --- where it ended

    def _part(self, name: str) -> Array:
        if name in self._final:
            return self._final[name]
        raise AttributeError(f"this system has no {name}; its state is {', '.join(self._final)}: "
                             f"run.final[{next(iter(self._final))!r}]")

    @property
    def final(self) -> dict[str, Array]:
        """The last state by name: q, p and v, or the arrays of the system. Of an ensemble the mean."""
        return dict(self._final)

    @property
    def q(self) -> Array:
        """Positions at the end, of the system's shape."""
        return self._part("q")

    @property
    def p(self) -> Array:
        """Momenta at the end."""
        return self._part("p")

    @property
    def v(self) -> Array:
        """Velocities dH/dp at the end."""
        return self._part("v")

    @property
    def t(self) -> float:
        """The time at the end."""
        return self._core.t

    @property
    def members(self) -> dict[str, Array]:
        """Of an ensemble: where each member ended, [size] + shape. Else empty."""
        return self._core.members

    # --- the way there

    @property
    def trajectory(self) -> Trajectory:
        """The state at the samples."""
        return Trajectory(self._core.series("trajectory"))

    @property
    def observables(self) -> Samples:
        """What [observe] asked for; of an ensemble statistics over the members, "r.mean"."""
        return Samples(self._core.series("observables"))

    @property
    def invariants(self) -> Invariants:
        """Energy and momenta that should be kept, with their errors."""
        return Invariants(self._core.series("invariants"), self._core.invariants)

    @property
    def energies(self) -> Samples:
        """Each named term of the energy, and "energy", their sum."""
        return Samples(self._core.series("energies"))

    # --- how it went

    @property
    def status(self) -> str:
        """"finished", "interrupted" (Ctrl-C), "non-finite", or "stopped" by a monitor."""
        return self._core.status

    @property
    def steps(self) -> int:
        """Steps that were made."""
        return self._core.steps

    @property
    def planned_steps(self) -> int:
        """Steps that were to be made."""
        return self._core.planned_steps

    @property
    def dt(self) -> float:
        """The step."""
        return self._core.dt

    @property
    def method(self) -> str:
        """The method."""
        return self._core.method

    @property
    def title(self) -> str:
        """Of the system."""
        return self._core.title

    @property
    def state_hash(self) -> str:
        """16 hex digits over the bits of the last state: equal hashes, equal runs."""
        return self._core.state_hash

    @property
    def run_seconds(self) -> float:
        """Seconds in the time loop."""
        return self._core.run_seconds

    @property
    def notes(self) -> list[str]:
        """Why it did not come to its end, and what else is to be said of it; `flow.run` warns of
        these."""
        texts = list(self._core.notes)
        if self.status == "interrupted":
            texts.append(f"interrupted after step {self.steps:,} of {self.planned_steps:,}; the run "
                         "is up to there")
        return texts

    def check(self) -> Run:
        """Itself, if it finished.

        Raises:
            RunError: with the reason, and with this run as its attribute `run`.
        """
        if self.status != "finished":
            error = RunError("\n".join(self.notes) or self.status)
            error.what, error.run = str(error), self
            raise error
        return self

    def to_dict(self) -> dict[str, Any]:
        """All figures, as `cotangent run --json` prints them (docs/cli.md): plan, errors of
        invariants, exponents, timings."""
        return json.loads(self._core.answer_json())  # type: ignore[no-any-return]

    @property
    def lyapunov(self) -> Optional[dict[str, Any]]:
        """Exponents, where `monitor={"lyapunov": ...}` asked for them, else None: "exponents", largest
        first, per unit of time, with their standard "errors"; their "sum"; "pairing", how far those of
        a canonical system are from pairs of opposite sign."""
        return self.to_dict().get("lyapunov")

    @property
    def megno(self) -> Optional[dict[str, Any]]:
        """MEGNO, where `monitor={"megno": True}` asked for it, else None: "megno" and its "mean" at the
        end (2 for regular motion), the "lyapunov" exponent that its slope gives, and whether it is
        "chaotic"."""
        return self.to_dict().get("megno")

    # --- out of it

    def report(self, path: Union[str, os.PathLike[str]]) -> pathlib.Path:
        """Writes report.html: one file that works offline, with the trajectory in 3D, the errors of
        the invariants, the observables, and what was chosen and why."""
        target = pathlib.Path(given_as.path("path", path))
        self._core.write_report(os.fspath(target))
        return target

    def save(self, path: Union[str, os.PathLike[str]], overwrite: bool = False) -> pathlib.Path:
        """Writes it. "x.h5" or "x.hdf5": one HDF5 file with all of it, which `load_run` reads. Any
        other name is a folder as `cotangent run --out` makes it, with result.json, trajectory.h5 and
        report.html. What is there already is refused unless `overwrite`. Files are whole or not
        there."""
        target = pathlib.Path(given_as.path("path", path))
        if target.suffix in (".h5", ".hdf5"):
            if target.exists() and not overwrite:
                raise UserError(f"'{target}' is there already\ngive another name, or overwrite=True")
            self._core.write_file(os.fspath(target))
        else:
            self._core.write_folder(os.fspath(target), overwrite)
        return target

    def __reduce__(self) -> tuple[Any, ...]:
        with tempfile.TemporaryDirectory() as folder:
            return _unpickled, (self.save(os.path.join(folder, "run.h5")).read_bytes(),)

    def to_xarray(self) -> Any:
        """An xarray.Dataset: trajectory, observables, invariants and energies over their times.
        Quantities of one cadence share the dimension "t"; others have one of their own, "t_NAME".
        Names that two groups share get the group before them. Needs xarray."""
        try:
            xarray = importlib.import_module("xarray")
        except ImportError:
            raise _missing("xarray", "run.to_xarray()") from None
        data: dict[str, Any] = {}
        coordinates: dict[str, Any] = {}
        main: Optional[Array] = None
        for group, samples in self._groups():
            for name in samples:
                times, values = samples.times(name), samples[name]
                if main is None:
                    main = times
                    coordinates["t"] = times
                called = name if name not in data else f"{group}_{name}"
                dimension = "t" if np.array_equal(times, main) else f"t_{called}"
                coordinates[dimension] = times
                axes = [dimension] + [f"{called}_{k}" for k in range(values.ndim - 1)]
                data[called] = (axes, values)
        attributes = {"title": self.title, "method": self.method, "dt": self.dt,
                      "status": self.status, "state_hash": self.state_hash}
        return xarray.Dataset(data, coordinates, attributes)

    def to_pandas(self) -> Any:
        """A pandas.DataFrame: a row for each time, a column for each number ("q[0,1]"); what was not
        sampled at a time is NaN there. Needs pandas."""
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise _missing("pandas", "run.to_pandas()") from None
        columns: dict[str, Any] = {}
        for group, samples in self._groups():
            for name in samples:
                values = samples[name].reshape(len(samples[name]), -1)
                indices = list(np.ndindex(samples[name].shape[1:]))
                for k, index in enumerate(indices):
                    called = name + (f"[{','.join(map(str, index))}]" if index else "")
                    if called in columns:
                        called = f"{group}.{called}"
                    columns[called] = pandas.Series(values[:, k], index=samples.times(name))
        frame = pandas.DataFrame(columns)
        frame.index.name = "t"
        return frame

    def _groups(self) -> list[tuple[str, Samples]]:
        return [("trajectory", self.trajectory), ("observables", self.observables),
                ("invariants", self.invariants), ("energies", self.energies)]

    def plot(self, what: Optional[str] = None, ax: Any = None) -> Any:
        """Draws it with matplotlib, and gives the axes.

        `what`: the name of an observable, an invariant, an energy or a part of the state, against
        time (invariants as their deviation from the start). Without one: particles in two or three
        dimensions as curves in the plane of their first two coordinates, everything else against
        time. `ax`: where to draw; otherwise new axes. UserError where matplotlib is not installed,
        or there is nothing of that name.
        """
        try:
            pyplot = importlib.import_module("matplotlib.pyplot")
        except ImportError:
            raise _missing("matplotlib", "run.plot()") from None
        if ax is None:
            ax = pyplot.figure().add_subplot()
        if what is not None:
            for group, samples in self._groups():
                if what not in samples:
                    continue
                values = samples[what].reshape(len(samples[what]), -1)
                if group == "invariants":
                    values = values - values[0]
                ax.plot(samples.times(what), values)
                ax.set(xlabel="t", ylabel=what + (" - " + what + "(0)" if group == "invariants" else ""))
                return ax
            known = sorted({name for _, samples in self._groups() for name in samples})
            raise UserError(f"the run has no {what!r}\nit has {', '.join(known)}")
        path = self.trajectory
        if "q" in path and path["q"].ndim == 3 and path["q"].shape[2] > 1:
            q = path["q"]
            for i in range(q.shape[1]):
                ax.plot(q[:, i, 0], q[:, i, 1], label=f"q[{i}]")
            ax.set(xlabel="q[i,0]", ylabel="q[i,1]", aspect="equal", title=self.title)
            if q.shape[1] <= 12:
                ax.legend()
            return ax
        for name in (["q"] if "q" in path else list(path)):
            values = path[name].reshape(len(path[name]), -1)
            for k in range(values.shape[1]):
                ax.plot(path.t, values[:, k], label=name if values.shape[1] == 1 else f"{name}[{k}]")
            if values.shape[1] <= 12:
                ax.legend()
        ax.set(xlabel="t", title=self.title)
        return ax

    def __str__(self) -> str:
        """What `cotangent run` prints."""
        return self._core.answer_text()

    def __repr__(self) -> str:
        return (f"<cotangent.Run {self.title!r}: {self.steps:,} of {self.planned_steps:,} steps by "
                f"{self.method}, {self.status} at t = {self.t:g}>")

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def load_run(path: Union[str, os.PathLike[str]]) -> Run:
    """Reads what `run.save()` wrote: an HDF5 file, or a folder that has one. The numbers are those
    that were saved; reports are made from the text of the system that is saved beside them.

    UserError for a file that is none, and for a folder of `cotangent run --out` with trajectory.csv,
    which has not all of a run (`run.save()` always writes trajectory.h5).
    """
    target = pathlib.Path(given_as.path("path", path))
    if target.is_dir():
        inside = target / "trajectory.h5"
        if not inside.exists() and (target / "trajectory.csv").exists():
            raise UserError(f"'{target}' has its trajectory as CSV, which is not all of a run\n"
                            "read the numbers with numpy or pandas, or save from Python")
        target = inside
    if target.exists() and target.open("rb").read(8) != b"\x89HDF\r\n\x1a\n":
        _core._refuse(f"'{target}' is no HDF5 file", "give a file or a folder that run.save() wrote")
    return Run(_core.Run.load(os.fspath(target)))


def _unpickled(saved: bytes) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "run.h5")
        path.write_bytes(saved)
        return load_run(path)
