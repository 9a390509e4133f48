"""Functions of functions: jit, grad and their kin, with JAX's conventions of arguments.

They compose in any order. Arguments and results are trees: dicts, lists, tuples, named tuples,
dataclasses and None around arrays and numbers. Arrays of the surroundings are constants of a
derivative and shared by lanes. What is wrong is a UserError with the line of the function that was
traced.
"""
from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, Union, cast, overload

from cotangent import _core
from cotangent._core import Array

F = TypeVar("F", bound=Callable[..., Any])
Argnums = Union[int, Sequence[int]]
Names = Union[str, Sequence[str]]


def _listed(argnums: Argnums) -> list[int]:
    return [argnums] if isinstance(argnums, int) else list(argnums)


@overload
def jit(fun: F, *, static_argnums: Argnums = ..., static_argnames: Names = ...) -> F: ...
@overload
def jit(
    fun: None = ..., *, static_argnums: Argnums = ..., static_argnames: Names = ...
) -> Callable[[F], F]: ...
def jit(fun: Any = None, *, static_argnums: Argnums = (), static_argnames: Names = ()) -> Any:
    """`fun`, recorded once for each structure of its arguments, compiled, and cached.

    A new program is made when shapes, types, the structure of a tree, or a static argument differ
    from what was seen before. Static arguments are ordinary Python values inside; they need `==`.
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
    names = [static_argnames] if isinstance(static_argnames, str) else list(static_argnames)
    jitted = _core._Jitted(fun, _listed(static_argnums), names)
    return functools.update_wrapper(cast(Any, jitted), fun)


def _at(
    which: str, fun: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[[Any], Any], Any]:
    """`fun` as a function of the arguments with these numbers, as one tree, and that tree."""
    places = _listed(argnums)
    for k in places:
        if not -len(args) <= k < len(args):
            _core._refuse(
                f"[{which}] argument {k} of {len(args)}",
                "argnums are places among the positional arguments, from 0",
            )

    def of_one(x: Any) -> Any:
        inside = list(args)
        for k, value in zip(places, [x] if isinstance(argnums, int) else x):
            inside[k] = value
        return fun(*inside, **kwargs)

    return of_one, args[argnums] if isinstance(argnums, int) else tuple(args[k] for k in places)


def value_and_grad(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives (value, gradient) of `fun`, whose result is one real number.

    The gradient has the structure of argument `argnums`; a tuple of them where several are named.
    With `has_aux` the function gives (value, anything), and so does the value.

    Raises:
        UserError: where the result is not one real number, or an argument is not real.
    """

    @functools.wraps(fun)
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return _core._value_and_grad(*_at("grad", fun, argnums, args, kwargs), has_aux)

    return both


def grad(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of `fun`: see value_and_grad. With `has_aux`: (gradient,
    anything)."""
    both = value_and_grad(fun, argnums, has_aux)

    @functools.wraps(fun)
    def slope(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return slope


def _spread(fun: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: fun(*x)


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """(`fun(*primals)`, its directional derivative along `tangents`, trees like `primals`), forward.

    Raises:
        UserError: for tangents that are no trees like the primals, and where what is inside has a
            derivative in reverse only (custom_vjp).
    """
    return _core._jvp(_spread(fun), tuple(primals), tuple(tangents))


def vjp(fun: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """(`fun(*primals)`, pull): pull(cotangent of the result) is a tuple of those of the arguments, in
    reverse.

    Raises:
        UserError: for a cotangent that is no tree like the result, and for a while_loop without a
            limit.
    """
    return _core._vjp(_spread(fun), primals)


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
    return _partials_of("hessian", grad(fun, argnums, has_aux), argnums, True, has_aux)


def hvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The second derivative of fun, whose result is one real number, times `tangents`, without the
    matrix: a tuple like `primals`."""
    slope = grad(fun, tuple(range(len(primals))))
    return jvp(slope, primals, tangents)[1]


def _is_axis(x: Any) -> bool:
    return x is None or isinstance(x, int)


def _leaf_axes(axes: Any, tree: Any, where: str) -> list[Any]:
    """One axis for each array of `tree`; `axes` is an axis, or a tree of them as deep as needed."""
    if _is_axis(axes):
        return [axes] * len(_core._flatten(tree)[0])
    children: list[tuple[Any, Any]]
    if isinstance(axes, dict) and isinstance(tree, dict) and axes.keys() == tree.keys():
        children = [(axes[k], tree[k]) for k in sorted(tree)]
    elif isinstance(axes, (list, tuple)) and isinstance(tree, (list, tuple)):
        if len(axes) != len(tree):
            _core._refuse(
                f"[vmap] {len(axes)} in_axes for {len(tree)} of {where}",
                "give one entry for each, or one number for all",
            )
        children = list(zip(axes, tree))
    else:
        _core._refuse(f"[vmap] in_axes for {where} are {axes!r}", "give a number, None, or a tree")
    return [leaf for a, t in children for leaf in _leaf_axes(a, t, where)]


def vmap(
    fun: Callable[..., Any], in_axes: Any = 0, out_axes: int = 0
) -> Callable[..., Any]:
    """`fun` for every lane at once.

    Lanes run along axis `in_axes` of all arrays of the arguments (a number; None: shared by all; or
    a tuple, one entry an argument, whose entries may be trees like the argument), and along
    `out_axes` of all results. Keyword arguments are shared. Every lane gives the bits that `fun`
    alone would give.
    """

    @functools.wraps(fun)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        axes = _leaf_axes(in_axes, args, "the arguments")
        return _core._vmap(lambda x: fun(*x, **kwargs), args, axes, out_axes)

    return mapped


@contextlib.contextmanager
def _plain(function: custom_jvp[Any] | custom_vjp[Any]) -> Iterator[None]:
    """Inside its own rule a function is what it computes."""
    before, function._inside = function._inside, True
    try:
        yield
    finally:
        function._inside = before


class custom_jvp(Generic[F]):
    """A function with a derivative of its own: `@custom_jvp`, then `@f.defjvp`, which takes
    (primals, tangents) and gives (value, tangent)."""

    def __init__(self, fun: F) -> None:
        self._fun = fun
        self._inside = False
        self._jvp: Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, Any]] | None = None
        functools.update_wrapper(cast(Any, self), fun)

    def defjvp(
        self, jvp: Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, Any]]
    ) -> Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, Any]]:
        """Says what the derivative is; used in both modes."""
        self._jvp = jvp
        return jvp

    def __call__(self, *args: Any) -> Any:
        if self._inside:
            return self._fun(*args)
        if self._jvp is None:
            _core._refuse("[custom_jvp] a function without its derivative", "use @f.defjvp")
        rule = self._jvp

        def derivative(x: Any, dx: Any) -> Any:
            with _plain(self):
                return rule(x, dx)

        return _core._custom_jvp(_spread(self._fun), derivative, args)


class custom_vjp(Generic[F]):
    """A function with a derivative in reverse of its own: `@custom_vjp`, then
    f.defvjp(forward, backward).

    forward(*args) gives (value, rest), backward(rest, cotangent) a tuple of the cotangents of the
    arguments.
    """

    def __init__(self, fun: F) -> None:
        self._fun = fun
        self._inside = False
        self._rules: tuple[Callable[..., tuple[Any, Any]], Callable[..., Any]] | None = None
        functools.update_wrapper(cast(Any, self), fun)

    def defvjp(
        self, forward: Callable[..., tuple[Any, Any]], backward: Callable[[Any, Any], Any]
    ) -> None:
        """Says what the derivative is; forward mode is refused."""
        self._rules = (forward, backward)

    def __call__(self, *args: Any) -> Any:
        if self._inside:
            return self._fun(*args)
        if self._rules is None:
            _core._refuse("[custom_vjp] a function without its derivative", "use f.defvjp")
        forward, backward = self._rules

        def pull(x: Any, cotangent: Any) -> Any:
            with _plain(self):
                return tuple(backward(forward(*x)[1], cotangent))

        return _core._custom_vjp(_spread(self._fun), pull, args)


def _restored(values: Any) -> Array:
    """What pickle calls."""
    return _core.array(values)


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves of a tree, in order: dicts by their sorted keys."""
    return _core._flatten(tree)[0]


def tree_map(fun: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """The tree with fun(leaf, ...) in the place of every leaf; `rest` are trees like it."""
    leaves, structure = _core._flatten(tree)
    columns = [leaves]
    for other in rest:
        more, also = _core._flatten(other)
        if not also == structure:
            _core._refuse(f"[tree_map] trees differ: {structure} and {also}", "give like trees")
        columns.append(more)
    return structure.unflatten([fun(*each) for each in zip(*columns)])


__all__ = [
    "custom_jvp", "custom_vjp", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jit",
    "jvp", "linear_transpose", "linearise", "linearize", "tree_leaves", "tree_map",
    "value_and_grad", "vjp", "vmap",
]  # fmt: skip
