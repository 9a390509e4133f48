"""Cotangent's functions as layers of PyTorch and JAX. Neither is needed until it is asked for.

Tensors come in and go out without copies, on the CPU.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cotangent import _core
from cotangent.transforms import jit, tree_map, vjp


def _needed(package: str) -> Any:
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError:
        _core._refuse(f"[interop] {package} is not installed", f"pip install {package}")


def _pulled(fun: Callable[..., Any]) -> Callable[..., Any]:
    """(arguments, cotangent of the result) -> cotangents of the arguments, compiled."""

    def pull(args: tuple[Any, ...], cotangent: Any) -> Any:
        return vjp(fun, *args)[1](cotangent)

    return jit(pull)


def to_torch(fun: Callable[..., Any]) -> Callable[..., Any]:
    """`fun`, a function of arrays, as a differentiable function of PyTorch's tensors.

    Arguments are tensors, the result is one tensor or a tuple of them. `backward` computes the
    gradient in reverse; a second derivative through PyTorch is refused by it.

    Raises:
        UserError: where PyTorch is not installed, or a tensor is not on the CPU.
    """
    torch = _needed("torch")
    forward, backward = jit(fun), _pulled(fun)

    def given(tensor: Any) -> Any:
        return _core.asarray(tensor.detach().contiguous())

    class Layer(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            result = forward(*[given(t) for t in tensors])
            if isinstance(result, (tuple, list)):
                return tuple(torch.from_dlpack(r) for r in result)
            return torch.from_dlpack(result)

        @staticmethod
        @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
        def backward(ctx: Any, *cotangents: Any) -> Any:
            arrays = tuple(given(t) for t in ctx.saved_tensors)
            along = tuple(given(c) for c in cotangents)
            several = len(along) > 1
            all_of_them = backward(arrays, along if several else along[0])
            return tuple(
                torch.from_dlpack(g) if t.is_floating_point() else None
                for g, t in zip(all_of_them, ctx.saved_tensors)
            )

    def layer(*tensors: Any) -> Any:
        return Layer.apply(*[t if isinstance(t, torch.Tensor) else torch.as_tensor(t)
                             for t in tensors])

    layer.__name__ = getattr(fun, "__name__", "layer")
    return layer


def to_jax(fun: Callable[..., Any]) -> Callable[..., Any]:
    """`fun`, a function of arrays, as one of JAX with a derivative in reverse (jax.custom_vjp).

    It may be used under jax.jit, jax.grad and jax.vmap; it is called back on the CPU. Arguments and
    the result are trees of arrays.

    Raises:
        UserError: where JAX is not installed.
    """
    jax = _needed("jax")
    np = _needed("numpy")
    run, back = jit(fun), _pulled(fun)

    def host(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: tree_map(np.asarray, function(*tree_map(np.asarray, args)))

    def shapes_of(function: Callable[..., Any], *args: Any) -> Any:
        """What the function gives for such arguments, by running it on zeros once."""
        zeros = tree_map(lambda x: np.zeros(x.shape, x.dtype), args)
        return tree_map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), function(*zeros))

    def call(*given: Any) -> Any:
        args = jax.tree_util.tree_map(jax.numpy.asarray, given)
        return jax.pure_callback(
            host(run), shapes_of(run, *args), *args, vmap_method="sequential"
        )

    def forward(*given: Any) -> Any:
        args = jax.tree_util.tree_map(jax.numpy.asarray, given)
        return call(*args), args

    def backward(args: Any, cotangent: Any) -> Any:
        return jax.pure_callback(
            host(back), shapes_of(back, args, cotangent), args, cotangent,
            vmap_method="sequential",
        )  # fmt: skip

    layer = jax.custom_vjp(call)
    layer.defvjp(forward, backward)
    return layer  # type: ignore[no-any-return]


__all__ = ["to_jax", "to_torch"]
