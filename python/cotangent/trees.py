"""Trees: dicts, lists, tuples, named tuples, dataclasses and None around leaves; and classes with
tree_flatten and tree_unflatten."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cotangent import _core


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves of a tree, in order: dicts by their sorted keys."""
    return _core._flatten(tree)[0]


def tree_structure(tree: Any) -> Any:
    """What is left of a tree without its leaves. Like ones are equal."""
    return _core._flatten(tree)[1]


def tree_flatten(tree: Any) -> tuple[list[Any], Any]:
    """(leaves, structure), for tree_unflatten."""
    return _core._flatten(tree)


def tree_unflatten(structure: Any, leaves: Sequence[Any]) -> Any:
    """The tree of that structure with these leaves.

    Raises:
        UserError: where it has more leaves, or fewer.
    """
    if not isinstance(structure, _core._Tree):
        _core._refuse(f"[tree_unflatten] a {type(structure).__name__} is no structure",
                      "give what tree_structure or tree_flatten gave, and then the leaves")
    if not isinstance(leaves, Iterable):
        _core._refuse(f"[tree_unflatten] leaves are {leaves!r}", "give a list of them")
    return structure.unflatten(list(leaves))


def tree_map(fun: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """The tree with fun(leaf, ...) in the place of every leaf; `rest` are trees like it."""
    if not callable(fun):
        _core._refuse(f"[tree_map] takes a function, not {type(fun).__name__}", "give the function first")
    leaves, structure = _core._flatten(tree)
    columns = [leaves]
    for other in rest:
        more, also = _core._flatten(other)
        if not also == structure:
            _core._refuse(f"[tree_map] trees differ: {structure} and {also}", "give like trees")
        columns.append(more)
    return structure.unflatten([fun(*each) for each in zip(*columns)])


__all__ = ["tree_flatten", "tree_leaves", "tree_map", "tree_structure", "tree_unflatten"]
