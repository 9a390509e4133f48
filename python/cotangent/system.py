"""Systems: what moves, and what is known of it."""
from __future__ import annotations

import html
import os
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Mapping, Optional, Sequence, Union, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cotangent import _core
from cotangent._settings import Pairs, pairs_of

if TYPE_CHECKING:
    from cotangent.flow import Explanation

Array = NDArray[np.float64]


class Facts(Sequence["_core.Fact"]):
    """What is known of a system, in the order of `explain`.

    A list of `Fact`; `facts["separable"]` is the first of that name, `facts.of("degree", "kinetic")`
    that of a term.
    """

    def __init__(self, facts: Sequence[_core.Fact]) -> None:
        self._facts = list(facts)

    def __len__(self) -> int:
        return len(self._facts)

    def __iter__(self) -> Iterator[_core.Fact]:
        return iter(self._facts)

    @overload
    def __getitem__(self, key: Union[int, str]) -> _core.Fact: ...

    @overload
    def __getitem__(self, key: slice) -> list[_core.Fact]: ...

    def __getitem__(self, key: Union[int, str, slice]) -> Union[_core.Fact, list[_core.Fact]]:
        if isinstance(key, str):
            return self.of(key)
        return self._facts[key]

    def __contains__(self, key: object) -> bool:
        return any(f.name == key or f is key for f in self._facts)

    def of(self, name: str, term: Optional[str] = None) -> _core.Fact:
        """The fact of that name, of that energy term if one is given. KeyError where there is none."""
        for fact in self._facts:
            if fact.name == name and (term is None or fact.term == term):
                return fact
        raise KeyError(name if term is None else f"{name} of {term}")

    def __repr__(self) -> str:
        return "\n".join(repr(f) for f in self._facts)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(f.name)}{' of ' + html.escape(f.term) if f.term else ''}</td>"
            f"<td>{html.escape(str(f.value))}</td><td>{html.escape(f.how)}</td>"
            f"<td style='text-align:left'>{html.escape(f.detail)}</td></tr>"
            for f in self._facts)
        return f"<table><tr><th>fact</th><th>value</th><th>how</th><th>why</th></tr>{rows}</table>"


class System:
    """What moves: a state, how energy (or equations, or a map) moves it, and where it starts.

    Made by `load()` or `System.from_text()`. Immutable; `with_overrides()` gives another one.
    """

    def __init__(self, core: _core.System, unset: frozenset[str] = frozenset()) -> None:
        self._core = core
        #: Arrays of the state of which nobody said where they start: a function was given shapes.
        self._unset = unset

    @staticmethod
    def from_text(text: str, overrides: Optional[Mapping[str, Any]] = None, *,
                  name: str = "system.toml",
                  folder: Optional[Union[str, os.PathLike[str]]] = None) -> System:
        """A system from the text of a system file.

        `overrides`: as in `load()`. `name`: what errors call it. `folder`: where the data files that
        it names are; without one they are refused. UserError, with file, line and column, for
        anything wrong.
        """
        return System(_core.System.from_text(text, name,
                                             None if folder is None else os.fspath(folder),
                                             pairs_of(overrides)))

    def with_overrides(self, overrides: Mapping[str, Any]) -> System:
        """The same system with these values: `{"parameters.G": 3e-4, "run.dt": 5.0, "initial.q": [1.0]}`.
        UserError for a key that nobody reads, and for a parameter that is none."""
        return self._with(pairs_of(overrides))

    def _with(self, pairs: Pairs) -> System:
        told = {key.removeprefix("initial.") for key, _ in pairs if key.startswith("initial.")}
        if "v" in told and self.form == "canonical":
            told.add("p")
        return System(self._core.with_overrides(pairs), self._unset - told)

    def _want_start(self, given: Iterable[str], what: str, how: str = "") -> None:
        """UserError where an array starts nowhere, and is not given. Velocities give momenta."""
        if not self._unset:
            return
        told = {"p" if name == "v" and self.form == "canonical" else name for name in given}
        if missing := [name for name in self.state_names if name in self._unset - told]:
            names = " and ".join(missing)
            canonical = set(missing) <= {"q", "p"} and self.form == "canonical"
            call = "flow.gradient(..., " if what == "gradient" else "flow.run("
            how = how or call + ("q0=..., p0=...)" if canonical else "initial={...})")
            _core._refuse(f"[{what}] nothing says where {names} start{'s' if len(missing) == 1 else ''}",
                          f"say it in the call, as {how}, or give arrays in place of shapes where "
                          "the system is made")

    @property
    def title(self) -> str:
        """Its title; without one, the name of its file."""
        return self._core.title

    @property
    def name(self) -> str:
        """What errors call it: the path of its file."""
        return self._core.name

    @property
    def form(self) -> str:
        """How it says how it moves: "canonical", "bracket", "equations" or "map"."""
        return self._core.form

    @property
    def shape(self) -> tuple[int, ...]:
        """Of q and p: (N, d) for N particles, (n,) for n coordinates. Of other forms (n,), all
        numbers of the state."""
        return tuple(self._core.shape)

    @property
    def state_names(self) -> list[str]:
        """["q", "p"], or the names of the arrays that [initial] gives."""
        return self._core.state_names

    @property
    def terms(self) -> list[str]:
        """The names of the energy terms."""
        return self._core.terms

    @property
    def observables(self) -> list[str]:
        """The names of what [observe] asks for."""
        return self._core.observables

    @property
    def parameters(self) -> dict[str, Array]:
        """The real parameters, each an array of its shape (() for one number)."""
        return self._core.parameters

    @property
    def initial(self) -> dict[str, Array]:
        """Where it starts: "q" and "p" or "v", or the arrays of the state."""
        return self._core.initial

    @property
    def units(self) -> dict[str, str]:
        """Units of t, q, p, v, energy, parameters and observables; empty where the file has none."""
        return self._core.units

    @property
    def facts(self) -> Facts:
        """What is known of it, proved or tested; worked out when first asked for."""
        return Facts(self._core.facts)

    def explain(self, show: Sequence[str] = ("facts", "plan")) -> Explanation:
        """What `cotangent explain` prints of it, with the [run] of its file; a text that notebooks
        show as one. `show`: of "facts", "plan", "program", "kernels", "code". Where no method takes
        the system, the plan says why."""
        from cotangent.flow import Explanation

        return Explanation(_core.explain_system(self._core, list(show)))

    def to_toml(self, path: Optional[Union[str, os.PathLike[str]]] = None,
                initial: Optional[Mapping[str, ArrayLike]] = None) -> str:
        """Its text as a system file: the same system for `cotangent run`, with the same bits.

        Where nothing was set from outside this is the file as it was read, comments and all. With
        overrides it is all entries of both in one normal form: without comments, and without keys
        that the overrides leave without effect (as `steps` leaves `t_end`). Numbers read back to the
        same bits. Names of data files stay as they are, relative to the folder of the system's own
        file: a copy elsewhere wants them beside it.

        A system of functions has programs in place of expressions (docs/system_files.md): what was
        traced of them, with parameters that can be set as before.

        Parameters
        ----------
        path : path, optional
            Also writes it there, as UTF-8.
        initial : mapping, optional
            Where it starts, by name, in place of its own start; needed where a function was given
            shapes alone.

        Raises
        ------
        UserError
            For a system of functions with names that no file could have, and for one that nobody
            told where it starts.
        """
        self._want_start(initial or (), "to_toml",
                         "system.to_toml(initial={...})")
        given = None if initial is None else {
            name: np.asarray(value, dtype=np.float64, order="C") for name, value in initial.items()}
        text = self._core.to_toml(given)
        if path is not None:
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        return text

    def __add__(self, other: System) -> System:
        if not isinstance(other, System):
            return NotImplemented
        from cotangent.systems_traced import link

        return link(self, other)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self._core.to_toml(None), self._core.name if self._core.is_file else "system.toml",
                            self._core.folder, self._unset)

    def __repr__(self) -> str:
        what = " x ".join(str(n) for n in self.shape)
        return f"<cotangent.System {self.title!r}: {self.form}, {', '.join(self.state_names)} of {what}>"

    def _repr_html_(self) -> str:
        return (f"<b>{html.escape(self.title)}</b> ({html.escape(self.form)})"
                f"<pre>{html.escape(self.to_toml() if self._core.is_file else self._about())}</pre>")

    def _about(self) -> str:
        """A system of functions: how it was written, and its parameters."""
        values = [f"{name} = {np.array2string(x, threshold=20)}" for name, x in self.parameters.items()]
        return "\n".join([repr(self)[1:-1], *values, "", self._core.source.strip("\n")])


def _unpickled(text: str, name: str, folder: Optional[str], unset: frozenset[str]) -> System:
    return System(System.from_text(text, name=name, folder=folder)._core, unset)


def load(path: Union[str, os.PathLike[str]],
         overrides: Optional[Mapping[str, Any]] = None) -> System:
    """Reads a system file (docs/system_files.md).

    Parameters
    ----------
    path : path
        The file; data files that it names are looked for beside it and below.
    overrides : mapping, optional
        Values in place of the file's, as `--set` gives them on the command line, by dotted key:
        `{"parameters.G": 3e-4, "run.method": "leapfrog", "observe.every": 10}`. Values are numbers,
        texts, lists, arrays.

    Returns
    -------
    System
        Immutable; arrays are float64, in the units of the file.

    Raises
    ------
    UserError
        With file, line and column, for anything wrong.
    """
    return System(_core.System.load(os.fspath(path), pairs_of(overrides)))
