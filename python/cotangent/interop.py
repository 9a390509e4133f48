"""Cotangent's functions as layers of PyTorch and JAX. Neither is needed until it is asked for.

Tensors come in and go out without copies, on the CPU.
"""
from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cotangent import _core
from cotangent.flow import Flow
from cotangent.transforms import jit, vjp
from cotangent.trees import tree_map


def _needed(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        _core._refuse(f"[interop] {package} is not installed", f"pip install {package}")


Function = Callable[..., Any]


class _BothWays(NamedTuple):
    """A function, compiled both ways; and of arrays of the right shapes, what it gives is like."""

    run: Function  #: (arguments...) -> result
    back: Function  #: (tuple of arguments, cotangent of the result) -> tuple of theirs
    like_run: Function
    like_back: Function


def _both_ways(what: Function | Flow, steps: int | None, wrt: Sequence[str]) -> _BothWays:
    if isinstance(what, Flow):
        layer = _core._FlowLayer(what._core, list(wrt))
        arrays = len(layer.arrays)

        def run(*args: Any) -> Any:
            return tuple(layer.run(list(args), steps))

        def back(args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> Any:
            return tuple(layer.pull(list(args), list(cotangents), steps))

        def as_real(args: tuple[Any, ...]) -> Any:
            if len(args) != arrays + len(wrt):
                names = ", ".join([*what.system.state_names, *wrt])
                _core._refuse(f"[layer] {len(args)} arguments for {names}", "give one for each")
            return tuple(_core.asarray(x).astype("float64") for x in args)

        return _BothWays(
            run, back, lambda *args: as_real(args)[:arrays], lambda args, _: as_real(args)
        )
    if steps is not None or wrt:
        _core._refuse("[layer] steps and wrt belong to a flow", "leave them out for a function")

    def pull(args: tuple[Any, ...], cotangent: Any) -> Any:
        return vjp(what, *args)[1](cotangent)

    # Arrays are lazy: asked for their shapes, they are not computed.
    return _BothWays(jit(what), jit(pull), what, pull)


def to_torch(
    fun: Function | Flow, *, steps: int | None = None, wrt: Sequence[str] = ()
) -> Function:
    """`fun`, a function of arrays or a flow, as a differentiable function of PyTorch's tensors.

    Of a function: arguments are tensors, the result is one tensor or a tuple of them. Of a flow: the
    arguments are the arrays of the state, q and p, and the parameters named in `wrt`; the result is
    the state after `steps` steps (those of its plan when None). `backward` computes the gradient in
    reverse; a second derivative through PyTorch is refused by it.

    Raises:
        UserError: where PyTorch is not installed, or a tensor is not on the CPU.
    """
    torch = _needed("torch")
    both = _both_ways(fun, steps, wrt)

    def given(tensor: Any) -> Any:
        return _core.asarray(tensor.detach().contiguous())

    def forward(ctx: Any, *tensors: Any) -> Any:
        ctx.save_for_backward(*tensors)
        result = both.run(*[given(t) for t in tensors])
        ctx.several = isinstance(result, (tuple, list))
        if ctx.several:
            return tuple(torch.from_dlpack(r) for r in result)
        return torch.from_dlpack(result)

    def backward(ctx: Any, *cotangents: Any) -> Any:
        arrays = tuple(given(t) for t in ctx.saved_tensors)
        along = tuple(given(c) for c in cotangents)
        all_of_them = both.back(arrays, along if ctx.several else along[0])
        return tuple(
            torch.from_dlpack(g).to(t.dtype) if t.is_floating_point() else None
            for g, t in zip(all_of_them, ctx.saved_tensors)
        )

    once = torch.autograd.function.once_differentiable(backward)
    members = {"forward": staticmethod(forward), "backward": staticmethod(once)}
    made: Any = type("Layer", (torch.autograd.Function,), members)

    def layer(*tensors: Any) -> Any:
        return made.apply(*[t if isinstance(t, torch.Tensor) else torch.as_tensor(t)
                             for t in tensors])

    layer.__name__ = getattr(fun, "__name__", "layer")
    return layer


def to_jax(
    fun: Function | Flow, *, steps: int | None = None, wrt: Sequence[str] = ()
) -> Function:
    """`fun`, a function of arrays or a flow, as one of JAX with a derivative in reverse.

    It may be used under jax.jit, jax.grad and jax.vmap; it is called back on the CPU. Of a function,
    arguments and the result are trees of arrays; of a flow, what to_torch says.

    Raises:
        UserError: where JAX is not installed.
    """
    jax = _needed("jax")
    both = _both_ways(fun, steps, wrt)

    def host(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: tree_map(np.asarray, function(*tree_map(np.asarray, args)))

    # One of each for ever, so that JAX finds what it has compiled for them.
    run, back = host(both.run), host(both.back)

    def shape_of(x: Any) -> Any:
        if x.dtype.itemsize == 8 and not jax.config.jax_enable_x64:
            _core._refuse(
                f"[to_jax] the result has {x.dtype}, and JAX has its 64-bit types switched off",
                'jax.config.update("jax_enable_x64", True) switches them on; a function of float32 '
                "gives float32, a flow computes in float64",
            )
        return jax.ShapeDtypeStruct(x.shape, x.dtype)

    def shapes_of(function: Callable[..., Any], *args: Any) -> Any:
        """What the function gives for such arguments."""
        zeros = tree_map(lambda x: np.zeros(x.shape, x.dtype), args)
        return tree_map(shape_of, function(*zeros))

    def call(*given: Any) -> Any:
        args = jax.tree_util.tree_map(jax.numpy.asarray, given)
        shapes = shapes_of(both.like_run, *args)
        return jax.pure_callback(run, shapes, *args, vmap_method="sequential")

    def forward(*given: Any) -> Any:
        args = jax.tree_util.tree_map(jax.numpy.asarray, given)
        return call(*args), args

    def backward(args: Any, cotangent: Any) -> Any:
        shapes = shapes_of(both.like_back, args, cotangent)
        pulled = jax.pure_callback(back, shapes, args, cotangent, vmap_method="sequential")
        return jax.tree_util.tree_map(lambda c, x: c.astype(x.dtype), pulled, args)

    layer = jax.custom_vjp(call)
    layer.defvjp(forward, backward)
    return layer  # type: ignore[no-any-return]


__all__ = ["to_jax", "to_torch"]
