"""Functions of functions: jit, grad and their kin, with JAX's conventions of arguments.

They compose in any order. Arguments and results are trees: dicts, lists, tuples, named tuples,
dataclasses and None around arrays and numbers. Arrays of the surroundings are constants of a
derivative and shared by lanes. What is wrong is a UserError with the line of the function that was
traced.
"""
from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import math
import threading
import operator
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, Union, cast, overload

from cotangent import _core
from cotangent._core import Array
from cotangent.trees import tree_map

F = TypeVar("F", bound=Callable[..., Any])
Argnums = Union[int, Sequence[int]]
Names = Union[str, Sequence[str]]


def _is_one(argnums: Argnums) -> bool:
    return hasattr(argnums, "__index__")


def _listed(which: str, argnums: Argnums) -> list[int]:
    try:
        places: list[Any] = [argnums] if _is_one(argnums) else list(cast("Sequence[int]", argnums))
        return [operator.index(k) for k in places]
    except TypeError:
        _core._refuse(
            f"[{which}] arguments are numbered by {argnums!r}",
            "argnums are places among the positional arguments, from 0: an integer, or a tuple",
        )


def _wants_function(which: str, fun: Any) -> None:
    if not callable(fun):
        _core._refuse(f"[{which}] takes a function, not {type(fun).__name__}",
                      "give the function, and its arguments to what this gives")  # fmt: skip


def _parameters(fun: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Those of a function, or None where Python does not know."""
    try:
        return list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return None


def _static(fun: Callable[..., Any], places: list[int], names: list[str]) -> tuple[list[int], list[str]]:
    """Which arguments are static, by place and by name: as one of them says, so does the other."""
    parameters = _parameters(fun)
    if parameters is None:
        return places, names
    called = getattr(fun, "__name__", "the function")
    by_place = [p.name for p in parameters
                if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]  # fmt: skip
    known = by_place + [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    kinds = {p.kind for p in parameters}
    count = len(by_place)
    for k in places:
        if k >= count and inspect.Parameter.VAR_POSITIONAL not in kinds or k < -count:
            _core._refuse(f"[jit] static_argnums has {k}, and {called} takes {count} by place",
                          "give places from 0")  # fmt: skip
    for name in names:
        if name not in known and inspect.Parameter.VAR_KEYWORD not in kinds:
            _core._refuse(f"[jit] static_argnames has {name!r}, which {called} does not take",
                          f"it takes {', '.join(known) or 'nothing by name'}")  # fmt: skip
    at = {k + count if k < 0 else k for k in places}
    both = at | {by_place.index(name) for name in names if name in by_place}
    return sorted(both), sorted({*names, *(by_place[k] for k in at if k < count)})


@overload
def jit(fun: F, *, static_argnums: Argnums = ..., static_argnames: Names = ...) -> F: ...
@overload
def jit(
    fun: None = ..., *, static_argnums: Argnums = ..., static_argnames: Names = ...
) -> Callable[[F], F]: ...
def jit(fun: Any = None, *, static_argnums: Argnums = (), static_argnames: Names = ()) -> Any:
    """`fun`, recorded once for each structure of its arguments, compiled, and cached.

    A new program is made when shapes, types, the structure of a tree, or a static argument differ
    from what was seen before. Static arguments are ordinary Python values inside; they need `==`;
    what is named by its place is so by its name too.
    Arrays that `fun` takes from outside are read once. Results may differ from lazy evaluation in
    the last place, never from call to call. `f.programs` is the number of programs.

    Raises:
        UserError: for a Python `if` or float() on a traced value, with its line and the remedy;
            for arguments that are no trees of arrays.
    """
    if fun is None:
        return functools.partial(
            jit, static_argnums=static_argnums, static_argnames=static_argnames
        )
    _wants_function("jit", fun)
    names = [static_argnames] if isinstance(static_argnames, str) else list(static_argnames)
    jitted = _core._Jitted(fun, *_static(fun, _listed("jit", static_argnums), names))
    return functools.update_wrapper(cast(Any, jitted), fun)


def _at(
    which: str, fun: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[[Any], Any], Any]:
    """`fun` as a function of the arguments with these numbers, as one tree, and that tree."""
    places = _listed(which, argnums)
    for k in places:
        if not -len(args) <= k < len(args):
            _core._refuse(
                f"[{which}] argument {k} of {len(args)}",
                "argnums are places among the positional arguments, from 0",
            )

    def of_one(x: Any) -> Any:
        inside = list(args)
        for k, value in zip(places, [x] if _is_one(argnums) else x):
            inside[k] = value
        return fun(*inside, **kwargs)

    return of_one, args[places[0]] if _is_one(argnums) else tuple(args[k] for k in places)


def _both(
    which: str, fun: Callable[..., Any], argnums: Argnums, has_aux: bool
) -> Callable[..., tuple[Any, Any]]:
    _wants_function(which, fun)

    @functools.wraps(fun)
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return _core._value_and_grad(*_at("grad", fun, argnums, args, kwargs), has_aux)

    return both


def value_and_grad(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives (value, gradient) of `fun`, whose result is one real number.

    The gradient has the structure of argument `argnums`; a tuple of them where several are named.
    With `has_aux` the function gives (value, anything), and so does the value.

    Raises:
        UserError: where the result is not one real number, or an argument is not real.
    """
    return _both("value_and_grad", fun, argnums, has_aux)


def grad(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of `fun`: see value_and_grad. With `has_aux`: (gradient,
    anything)."""
    return _slope("grad", fun, argnums, has_aux)


def _slope(
    which: str, fun: Callable[..., Any], argnums: Argnums, has_aux: bool = False
) -> Callable[..., Any]:
    both = _both(which, fun, argnums, has_aux)

    @functools.wraps(fun)
    def slope(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return slope


def _spread(fun: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: fun(*x)


def _arguments(which: str, what: str, given: Any) -> tuple[Any, ...]:
    """A tuple with an entry for each argument."""
    if not isinstance(given, (tuple, list)):
        _core._refuse(f"[{which}] {what} are {type(given).__name__}, no tuple",
                      "give a tuple, one entry for each argument: (x,)")  # fmt: skip
    return tuple(given)


def _pair(which: str, fun: Callable[..., Any]) -> Callable[[Any], Any]:
    """Of one tree of arguments, (value, anything); UserError where fun gives something else."""

    def given(x: Any) -> Any:
        both = fun(*x)
        if not (isinstance(both, tuple) and len(both) == 2):
            _core._refuse(f"[{which}] has_aux=True, and the function gives no pair",
                          "return (value, anything)")  # fmt: skip
        return both

    return given


@overload
def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]: ...
@overload
def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool
) -> tuple[Any, ...]: ...
def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """(`fun(*primals)`, its directional derivative along `tangents`, trees like `primals`), forward.
    With `has_aux` fun gives (value, anything), and there is a third: anything.

    Raises:
        UserError: for tangents that are no trees like the primals, and where what is inside has a
            derivative in reverse only (custom_vjp).
    """
    at, along = _arguments("jvp", "primals", primals), _arguments("jvp", "tangents", tangents)
    if not has_aux:
        return _core._jvp(_spread(fun), at, along)
    (value, rest), (slope, _) = _core._jvp(_pair("jvp", fun), at, along)
    return value, slope, rest


_Pull = Callable[[Any], "tuple[Any, ...]"]


@overload
def vjp(fun: Callable[..., Any], *primals: Any) -> tuple[Any, _Pull]: ...
@overload
def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool) -> tuple[Any, ...]: ...
def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """(`fun(*primals)`, pull): pull(cotangent of the result) is a tuple of those of the arguments, in
    reverse. With `has_aux` fun gives (value, anything), and there is a third: anything.

    Raises:
        UserError: for a cotangent that is no tree like the result, and for a while_loop without a
            limit.
    """
    if not has_aux:
        return _core._vjp(_spread(fun), primals)
    (value, rest), pull = _core._vjp(_pair("vjp", fun), primals)
    return value, lambda cotangent: pull((cotangent, tree_map(_core.zeros_like, rest))), rest


def linearize(fun: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(`fun(*primals)`, push): `push(*tangents)` is the derivative there; what does not depend on
    tangents is computed once."""
    value, push = _core._linearise(_spread(fun), primals)
    return value, lambda *tangents: push(tangents)


linearise = linearize
"""The same, as the British write it."""


def linear_transpose(
    fun: Callable[..., Any], *primals: Any
) -> Callable[[Any], tuple[Any, ...]]:
    """The transpose of a function that is linear in all its arguments, whose values are not read.

    Raises:
        UserError: where it is not linear, with the operation.
    """
    return lambda cotangent: cast(
        "tuple[Any, ...]", _core._linear_transpose(_spread(fun), primals, cotangent)
    )


def _sizes(leaves: list[Any]) -> list[int]:
    return [math.prod(leaf.shape) for leaf in leaves]


def _lines(leaves: list[Any], k: Any) -> list[Any]:
    """Of arrays taken one after the other: all zero but for element k, which is one."""
    lines, before = [], 0
    for leaf, size in zip(leaves, _sizes(leaves)):
        places = _core.reshape(_core.arange(before, before + size), leaf.shape)
        lines.append((places == k).astype(leaf.dtype))
        before += size
    return lines


def _partials(
    which: str, fun: Callable[[Any], Any], x: Any, forward: bool | None, has_aux: bool
) -> Any:
    """All partial derivatives of the leaves of fun(x) by those of x: by columns (`forward`), by
    rows, or by whichever are fewer; all lines at once."""
    leaves_x, tree_x = _core._flatten(x)
    leaves_x = [_core.asarray(leaf) for leaf in leaves_x]
    for leaf in leaves_x:
        if leaf.dtype.kind != "f":
            _core._refuse(
                f"[{which}] an argument of type {leaf.dtype}",
                "derivatives are by real numbers: give float64 or float32, or other argnums",
            )
    x = tree_x.unflatten(leaves_x)
    given = fun(x)
    if has_aux and not (isinstance(given, tuple) and len(given) == 2):
        _core._refuse(
            f"[{which}] has_aux=True, and the function gives no pair", "return (value, anything)"
        )
    leaves_y, tree_y = _core._flatten(given[0] if has_aux else given)
    leaves_y = [_core.asarray(leaf) for leaf in leaves_y]

    def inside(x: Any) -> list[Any]:
        value = fun(x)
        return [_core.asarray(y) for y in _core._flatten(value[0] if has_aux else value)[0]]

    n_x, n_y = sum(_sizes(leaves_x)), sum(_sizes(leaves_y))
    if forward is None:
        forward = n_x <= n_y

    def column(k: Any) -> list[Any]:
        along = tree_x.unflatten(_lines(leaves_x, k))
        return cast("list[Any]", _core._jvp(inside, x, along)[1])

    def row(k: Any) -> list[Any]:
        along = _core._vjp(inside, x)[1](_lines(leaves_y, k))
        return _core._flatten(along)[0]

    # parts[j][i]: of leaf j of the result by leaf i of the argument.
    parts: list[list[Any]] = [[] for _ in leaves_y]
    if n_x == 0 or n_y == 0:
        parts = [
            [_core.zeros((*y.shape, *x.shape), dtype=y.dtype) for x in leaves_x] for y in leaves_y
        ]
    elif forward:
        for y, columns, part in zip(leaves_y, vmap(column)(_core.arange(n_x)), parts):
            before = 0
            for leaf, size in zip(leaves_x, _sizes(leaves_x)):
                some = _core.moveaxis(columns[before : before + size], 0, -1)
                part.append(_core.reshape(some, (*y.shape, *leaf.shape)))
                before += size
    else:
        for leaf, rows in zip(leaves_x, vmap(row)(_core.arange(n_y))):
            before = 0
            for y, size, part in zip(leaves_y, _sizes(leaves_y), parts):
                some = rows[before : before + size]
                part.append(_core.reshape(some, (*y.shape, *leaf.shape)))
                before += size
    result = tree_y.unflatten([tree_x.unflatten(part) for part in parts])
    return (result, given[1]) if has_aux else result


def _partials_of(
    which: str, fun: Callable[..., Any], argnums: Argnums, forward: bool | None, has_aux: bool
) -> Callable[..., Any]:
    _wants_function(which, fun)

    @functools.wraps(fun)
    def partials(*args: Any, **kwargs: Any) -> Any:
        of_one, x = _at(which, fun, argnums, args, kwargs)
        return _partials(which, of_one, x, forward, has_aux)

    return partials


def jacfwd(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """All partial derivatives of fun's result by argument `argnums`, forward: a column for each
    element of the argument, all at once.

    Of an array by an array: the shape of fun(x), then that of x. Of trees: the tree of the result,
    with the tree of the argument in the place of each array. With `has_aux` fun gives (value,
    anything), and the function (derivatives, anything).

    Raises:
        UserError: where an argument is not real.
    """
    return _partials_of("jacfwd", fun, argnums, True, has_aux)


def jacrev(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The same as jacfwd, in reverse: a row for each element of fun's result."""
    return _partials_of("jacrev", fun, argnums, False, has_aux)


def jacobian(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """jacfwd or jacrev, whichever has fewer lines to do."""
    return _partials_of("jacobian", fun, argnums, None, has_aux)


def hessian(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The second derivatives of a function with one real result, forward over reverse: the shape of
    x twice; of a tree, the tree with itself in the place of each array."""
    return _partials_of("hessian", _slope("hessian", fun, argnums, has_aux), argnums, True, has_aux)


def hvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The second derivative of fun, whose result is one real number, times `tangents`, without the
    matrix: a tuple like `primals`."""
    at = _arguments("hvp", "primals", primals)
    return jvp(grad(fun, tuple(range(len(at)))), at, tangents)[1]


def _is_axis(x: Any) -> bool:
    return x is None or isinstance(x, int)


def _children(tree: Any) -> list[Any] | None:
    """What is in a list, a tuple, a dict or a dataclass, in the order of its leaves."""
    if isinstance(tree, OrderedDict):
        return list(tree.values())
    if isinstance(tree, dict):
        return [tree[k] for k in sorted(tree)]
    if isinstance(tree, (list, tuple)):
        return list(tree)
    if dataclasses.is_dataclass(tree):
        return [getattr(tree, f.name) for f in dataclasses.fields(tree)
                if not f.metadata.get("static")]  # fmt: skip
    return None


def _leaf_axes(axes: Any, tree: Any, name: str, where: str) -> list[Any]:
    """One axis for each array of `tree`; `axes` is an axis, or a tree of them as deep as needed."""
    if _is_axis(axes):
        return [axes] * len(_core._flatten(tree)[0])
    inside, below = _children(axes), _children(tree)
    sequences = isinstance(axes, (list, tuple)) and isinstance(tree, (list, tuple))
    if inside is None or below is None or not (sequences or type(axes) is type(tree)):
        _core._refuse(f"[vmap] {name} for {where} are {axes!r}", "give a number, None, or a tree")
    if len(inside) != len(below) or (isinstance(axes, dict) and axes.keys() != tree.keys()):
        _core._refuse(
            f"[vmap] {len(inside)} {name} for {len(below)} of {where}",
            "give one entry for each, or one number for all",
        )
    return [leaf for a, t in zip(inside, below) for leaf in _leaf_axes(a, t, name, where)]


def vmap(
    fun: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0
) -> Callable[..., Any]:
    """`fun` for every lane at once.

    Lanes run along axis `in_axes` of all arrays of the arguments (a number; None: shared by all; or
    a tuple, one entry an argument, whose entries may be trees like the argument), and along
    `out_axes` of all results (a number, or a tree like the result). Keyword arguments are shared.
    Every lane gives the bits that `fun` alone would give.
    """

    _wants_function("vmap", fun)

    @functools.wraps(fun)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        axes = _leaf_axes(in_axes, args, "in_axes", "the arguments")
        inside = lambda x: fun(*x, **kwargs)  # noqa: E731
        if isinstance(out_axes, int):
            return _core._vmap(inside, args, axes, out_axes)
        given = _core._vmap(inside, args, axes, 0)
        leaves, structure = _core._flatten(given)
        lanes = _leaf_axes(out_axes, given, "out_axes", "the result")
        if None in lanes:
            _core._refuse("[vmap] out_axes is None for an array that has lanes",
                          "give an axis; what all lanes share may be returned as well")  # fmt: skip
        return structure.unflatten([_core.moveaxis(x, 0, k) for x, k in zip(leaves, lanes)])

    return mapped


def switch(
    index: Any, branches: Sequence[Callable[..., Any]], *operands: Any
) -> Any:
    """`branches[index](*operands)`; only that one runs. An index past an end means the branch there.

    Raises:
        UserError: where branches give different trees, or the index is no integer.
    """
    functions: Sequence[Callable[..., Any]] = branches
    if not isinstance(branches, (list, tuple)) or not branches:
        _core._refuse("[switch] there is no branch", "give a list of one or more functions")
    for branch in branches:
        _wants_function("switch", branch)
    chosen = _core.asarray(index)
    if chosen.shape != () or chosen.dtype.kind not in "iu":
        _core._refuse(f"[switch] the index is {chosen.dtype}{list(chosen.shape)}, not an integer",
                      "give one integer; ct.cond takes true or false")  # fmt: skip

    def among(first: int, last: int) -> Callable[..., Any]:
        if last - first == 1:
            return functions[first]
        middle = (first + last) // 2
        lower, upper = among(first, middle), among(middle, last)
        return lambda *x: _core.cond(chosen < middle, lower, upper, *x)

    return among(0, len(functions))(*operands)


def _by_place(fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments of a call, all by their places."""
    if not kwargs:
        return args
    try:
        bound = inspect.signature(fun).bind(*args, **kwargs)
    except ValueError:  # without a signature
        bound = None
    names = list(kwargs if bound is None else bound.kwargs)
    if bound is None or names:
        _core._refuse(f"[{getattr(fun, '__name__', 'function')}] {names[0]!r} is taken by name only",
                      "a function with a derivative of its own has arguments by place")  # fmt: skip
    return bound.args


class _Rules(threading.local):
    """The rules of one function that this thread is recording: of each the leaves that it was given,
    and what the function gives there."""

    def __init__(self) -> None:
        self.open: list[tuple[list[Any], Any]] = []


MOST_INSIDE = 4
"""How deep in its own rule a function may be called on other arguments than the rule's."""


class _OwnRule(Generic[F]):
    """A function with a rule. In its own rule it has the rule too: on the rule's arguments it is what
    the call gave, so that derivatives of any order follow one rule that is written down once; on
    others it is a call with a rule again, as deep as MOST_INSIDE."""

    _kind = ""

    def __init__(self, fun: F) -> None:
        _wants_function(self._kind, fun)
        self._fun = fun
        self._rules = _Rules()
        functools.update_wrapper(cast(Any, self), fun)

    def _named(self) -> str:
        return getattr(self._fun, "__name__", type(self._fun).__name__)

    def _known(self, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """(value,) where args are those of the rule that is being recorded."""
        if not self._rules.open:
            return None
        leaves, value = self._rules.open[-1]
        given = _core._flatten(args)[0]
        same = len(given) == len(leaves) and all(map(_core._same_array, given, leaves))
        return (value,) if same else None

    def _last(self) -> bool:
        """Whether a rule inside this one would be one too many."""
        return len(self._rules.open) >= MOST_INSIDE

    def _refusal(self) -> str:
        return (f"[{self._kind}] {self._named()} is called inside its own rule on other arguments than "
                f"the rule's, and so is in that call's rule: derivatives end after {MOST_INSIDE} of "
                f"these\n  to do: call it on the rule's arguments, or write the rule in other "
                "functions")

    @contextlib.contextmanager
    def _recording(self, x: tuple[Any, ...], value: Any) -> Iterator[None]:
        self._rules.open.append((_core._flatten(x)[0], value))
        try:
            yield
        finally:
            self._rules.open.pop()


def _two(kind: str, given: Any, wanted: str) -> tuple[Any, Any]:
    """What a rule has to give: a pair."""
    if not (isinstance(given, (tuple, list)) and len(given) == 2):
        _core._refuse(f"[{kind}] the rule gives no pair", f"return {wanted}")
    return given[0], given[1]


class custom_jvp(_OwnRule[F]):
    """A function with a derivative of its own: `@custom_jvp`, then `@f.defjvp`, which takes
    (primals, tangents) and gives (value, tangent). The rule may call the function: on its own
    primals that is the value, and has the rule, so that derivatives of any order follow it."""

    _kind = "custom_jvp"

    def __init__(self, fun: F) -> None:
        super().__init__(fun)
        self._jvp: Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, Any]] | None = None

    def defjvp(
        self, jvp: Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, Any]]
    ) -> Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, Any]]:
        """Says what the derivative is; used in both modes."""
        _wants_function("custom_jvp", jvp)
        self._jvp = jvp
        return jvp

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = _by_place(self._fun, args, kwargs)
        if (known := self._known(args)) is not None:
            return known[0]
        if self._jvp is None:
            _core._refuse(f"[custom_jvp] {self._named()} has no derivative yet", "use @f.defjvp")
        rule, last = self._jvp, self._last()

        def derivative(x: Any, y: Any, dx: Any) -> Any:
            if last:
                return _core._no_derivative(y, dx, self._refusal())
            with self._recording(x, y):
                return _two("custom_jvp", rule(x, dx), "(value, tangent)")[1]

        return _core._custom_jvp(_spread(self._fun), derivative, args)


class custom_vjp(_OwnRule[F]):
    """A function with a derivative in reverse of its own: `@custom_vjp`, then
    f.defvjp(forward, backward).

    forward(*args) gives (value, rest), backward(rest, cotangent) a tuple of the cotangents of the
    arguments. Both may call the function, as a rule of custom_jvp may.
    """

    _kind = "custom_vjp"

    def __init__(self, fun: F) -> None:
        super().__init__(fun)
        self._vjp: tuple[Callable[..., tuple[Any, Any]], Callable[..., Any]] | None = None

    def defvjp(
        self, forward: Callable[..., tuple[Any, Any]], backward: Callable[[Any, Any], Any]
    ) -> None:
        """Says what the derivative is; forward mode is refused."""
        _wants_function("custom_vjp", forward)
        _wants_function("custom_vjp", backward)
        self._vjp = (forward, backward)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = _by_place(self._fun, args, kwargs)
        if (known := self._known(args)) is not None:
            return known[0]
        if self._vjp is None:
            _core._refuse(f"[custom_vjp] {self._named()} has no derivative yet", "use f.defvjp")
        (forward, backward), last = self._vjp, self._last()

        def pull(x: Any, y: Any, cotangent: Any) -> Any:
            if last:
                return _core._no_derivative(x, cotangent, self._refusal())
            with self._recording(x, y):
                rest = _two("custom_vjp", forward(*x), "(value, rest)")[1]
                given = backward(rest, cotangent)
                return tuple(given) if isinstance(given, (tuple, list)) else (given,)

        return _core._custom_vjp(_spread(self._fun), pull, args)


def _restored(values: Any) -> Array:
    """What pickle calls."""
    return _core.array(values)


def _restored_key(*parts: Any) -> _core.Key:
    """What pickle calls."""
    return _core.Key.tree_unflatten(None, parts)


def _restored_complex(*parts: Any) -> _core.Complex:
    """What pickle calls."""
    return _core.Complex.tree_unflatten(None, parts)


__all__ = [
    "custom_jvp", "custom_vjp", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jit",
    "jvp", "linear_transpose", "linearise", "linearize", "switch", "value_and_grad", "vjp", "vmap",
]  # fmt: skip
