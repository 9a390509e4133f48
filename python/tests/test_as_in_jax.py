"""What a person who knows JAX writes."""
import dataclasses
import typing

import cotangent as ct
import numpy as np
import pytest

X = np.array([0.3, -1.1, 2.0])
ROWS = np.arange(6.0).reshape(3, 2)


def test_a_static_argument_is_static_by_place_and_by_name():
    def power(x, n):
        for _ in range(n):
            x = x * x
        return x

    for f in [ct.jit(power, static_argnames="n"), ct.jit(power, static_argnums=1),
              ct.jit(power, static_argnums=-1)]:
        assert float(f(2.0, 3)) == float(f(2.0, n=3)) == 256
        assert f.programs <= 2
    for wrong in [{"static_argnames": "m"}, {"static_argnums": 2}, {"static_argnums": -3}]:
        with pytest.raises(ct.UserError, match="power"):
            ct.jit(power, **wrong)
    anything = ct.jit(lambda x, *rest, **more: x * rest[0] * more["k"], static_argnums=1, static_argnames="k")
    assert float(anything(2.0, 3, k=5)) == 30
    assert float(ct.jit(max, static_argnums=(0, 1))(2, 3)) == 3  # no signature


def test_axes_of_the_results_are_a_tree_too():
    f = ct.vmap(lambda x: (x, {"sum": ct.sum(x), "x": x}), out_axes=(1, {"sum": 0, "x": -1}))
    first, second = f(ROWS)
    np.testing.assert_array_equal(first, ROWS.T)
    np.testing.assert_array_equal(second["sum"], ROWS.sum(axis=1))
    np.testing.assert_array_equal(second["x"], ROWS.T)
    np.testing.assert_array_equal(ct.vmap(lambda x: (x, x), out_axes=1)(ROWS)[1], ROWS.T)
    with pytest.raises(ct.UserError, match="2 out_axes for 1 of the result"):
        ct.vmap(lambda x: (x,), out_axes=(0, 1))(ROWS)
    with pytest.raises(ct.UserError, match="out_axes is None"):
        ct.vmap(lambda x: (x, x), out_axes=(0, None))(ROWS)


@dataclasses.dataclass
class Ball:
    x: typing.Any
    m: typing.Any
    name: str = dataclasses.field(default="ball", metadata={"static": True})


def test_axes_may_be_a_dataclass_like_the_argument():
    f = ct.vmap(lambda b: b.x * b.m, in_axes=(Ball(0, None),))
    np.testing.assert_array_equal(f(Ball(X, 2.0)), 2 * X)


def test_switch():
    branches = [lambda x: x, lambda x: 2 * x, lambda x: x * x, lambda x: -x, lambda x: x + 1]
    want = [b(3.0) for b in branches]
    assert [float(ct.switch(k, branches, 3.0)) for k in range(5)] == want
    f = ct.jit(lambda k, x: ct.switch(k, branches, x))
    assert [float(f(k, 3.0)) for k in range(-1, 7)] == [want[0], *want, want[-1], want[-1]]
    slopes = ct.vmap(lambda k: ct.grad(lambda x: ct.switch(k, branches, x))(3.0))(np.arange(5))
    np.testing.assert_array_equal(slopes, [1, 2, 6, -1, 1])
    assert float(ct.jit(lambda k: ct.switch(k, [lambda: 1.0, lambda: 2.0]))(1)) == 2
    with pytest.raises(ct.UserError, match="an integer"):
        ct.switch(0.5, branches, 3.0)
    with pytest.raises(ct.UserError, match="no branch"):
        ct.switch(0, [], 3.0)
    with pytest.raises(ct.UserError, match="same structure"):
        f = ct.jit(lambda k: ct.switch(k, [lambda: 1.0, lambda: (2.0,)]))
        f(0)


def test_a_function_with_a_derivative_of_its_own_takes_names():
    @ct.custom_jvp
    def square(x, scale=1.0):
        return scale * x * x

    square.defjvp(lambda x, dx: (square(*x), 3 * x[0] * dx[0]))
    assert float(square(x=2.0)) == 4 and float(square(2.0, scale=2.0)) == 8
    assert float(ct.grad(lambda x: square(x=x))(2.0)) == 6

    @ct.custom_vjp
    def clipped(x, *, low=-1.0):
        return x

    clipped.defvjp(lambda x: (x, None), lambda rest, g: (ct.clip(g, -1, 1),))
    assert float(ct.grad(lambda x: 10 * clipped(x=x))(2.0)) == 1
    with pytest.raises(ct.UserError, match="'low'"):
        clipped(2.0, low=0.0)


def test_trees_are_taken_apart_and_put_together():
    tree = {"b": X, "a": (1.0, None)}
    leaves, structure = ct.tree_flatten(tree)
    assert len(leaves) == 2 and leaves[0] == 1.0 and structure == ct.tree_structure(tree)
    again = ct.tree_unflatten(structure, [2.0, 3.0])
    assert again == {"b": 3.0, "a": (2.0, None)}
    with pytest.raises(ct.UserError, match="3 leaves"):
        ct.tree_unflatten(structure, [1.0, 2.0, 3.0])


def test_types_make_numbers():
    assert ct.float32(1.5).dtype == np.float32 and ct.int64(2) == 2
    x = ct.zeros(3, dtype=ct.float32)
    assert x.dtype == ct.float32 and (x * ct.float64(2)).dtype == ct.float64
    assert ct.ones(2, dtype=ct.bool_).dtype == ct.bool_


@pytest.mark.parametrize("wrong, says", [
    (lambda: ct.grad(lambda x: x, argnums="x")(1.0), "'x'"),
    (lambda: ct.grad(lambda x: x, argnums=0.0)(1.0), "0.0"),
    (lambda: ct.jvp(ct.sin, 1.0, 1.0), "primals"),
    (lambda: ct.jvp(ct.sin, X, (X,)), "primals"),
    (lambda: ct.jvp(ct.sin, (X,), X), "tangents"),
    (lambda: ct.hvp(ct.sum, X, (X,)), "primals"),
])
def test_arguments_of_transforms_that_are_no_tuples_are_refused_by_name(wrong, says):
    with pytest.raises(ct.UserError, match=says):
        wrong()


def test_numpys_integers_are_places():
    assert float(ct.grad(lambda x, y: x * y, argnums=np.int64(1))(2.0, 3.0)) == 2


@pytest.mark.parametrize("transform", [ct.jit, ct.grad, ct.value_and_grad, ct.vmap, ct.jacfwd, ct.jacrev,
                                       ct.jacobian, ct.hessian, ct.custom_jvp, ct.custom_vjp])
def test_what_is_no_function_is_refused_at_once(transform):
    with pytest.raises(ct.UserError, match=rf"\[{transform.__name__}\].*float"):
        transform(5.0)


def test_jvp_and_vjp_give_what_a_function_says_besides():
    f = lambda x, k: (ct.sum(x**2) * k, {"n": ct.array(3), "x": x, "big": x > 0})  # noqa: E731
    value, pull, more = ct.vjp(f, X, 2.0, has_aux=True)
    assert float(value) == pytest.approx(2 * np.sum(X**2)) and int(more["n"]) == 3
    np.testing.assert_array_equal(more["big"], X > 0)
    by_x, by_k = pull(3.0)
    np.testing.assert_allclose(by_x, 12 * X, rtol=1e-15)
    assert float(by_k) == pytest.approx(3 * np.sum(X**2))
    value, slope, more = ct.jvp(f, (X, 2.0), (X, 0.0), has_aux=True)
    assert float(slope) == pytest.approx(4 * np.sum(X**2))
    np.testing.assert_array_equal(more["x"], X)
    np.testing.assert_allclose(ct.jit(lambda x: ct.vjp(f, x, 2.0, has_aux=True)[1](1.0)[0])(X), 4 * X, rtol=1e-15)
    for wrong in [lambda: ct.vjp(ct.sum, X, has_aux=True), lambda: ct.jvp(ct.sum, (X,), (X,), has_aux=True)]:
        with pytest.raises(ct.UserError, match="no pair"):
            wrong()
