"""Functions with derivatives of their own: rules that call the function that they belong to."""
import math

import numpy as np
import pytest

import cotangent as ct


def orders(f, x, count):
    """f and its first derivatives at x, in reverse."""
    found = [float(f(x))]
    for _ in range(count):
        f = ct.grad(f)
        found.append(float(f(x)))
    return found


def test_a_rule_that_calls_its_function_has_all_derivatives():
    """f' = f, said of a function whose operations alone say f' = 7."""
    @ct.custom_jvp
    def f(x):
        return ct.stop_gradient(ct.exp(x)) + 7.0 * (x - ct.stop_gradient(x))

    f.defjvp(lambda x, dx: (f(*x), dx[0] * f(*x)))
    assert orders(f, 0.3, 5) == pytest.approx([math.exp(0.3)] * 6, rel=1e-14)
    forward = lambda g: lambda x: ct.jvp(g, (x,), (1.0,))[1]  # noqa: E731
    assert float(forward(forward(forward(f)))(0.3)) == pytest.approx(math.exp(0.3), rel=1e-14)
    assert float(ct.hessian(lambda x: f(2.0 * x))(0.3)) == pytest.approx(4 * math.exp(0.6))
    lanes = ct.jit(ct.vmap(ct.grad(ct.grad(f))))(np.array([0.0, 1.0]))
    np.testing.assert_allclose(lanes, np.exp([0.0, 1.0]), rtol=1e-14)


def test_a_rule_may_use_the_function_of_trees():
    @ct.custom_jvp
    def size(x):
        return {"r": ct.sqrt(ct.sum(x["a"] ** 2))}

    @size.defjvp
    def _(primals, tangents):
        (x,), (dx,) = primals, tangents
        r = size(x)["r"]
        far = r > 0
        along = ct.sum(x["a"] * dx["a"]) / ct.where(far, r, 1.0)
        return {"r": r}, {"r": ct.where(far, along, 0.0)}

    length = lambda a: size({"a": a})["r"]  # noqa: E731
    a = np.array([3.0, 4.0])
    np.testing.assert_allclose(ct.grad(length)(a), a / 5, rtol=1e-15)
    np.testing.assert_allclose(ct.hessian(length)(a), np.eye(2) / 5 - np.outer(a, a) / 125,
                               atol=1e-15)
    np.testing.assert_array_equal(ct.grad(length)(np.zeros(2)), 0)
    np.testing.assert_array_equal(ct.hessian(length)(np.zeros(2)), 0)


def test_the_softplus_of_the_jax_tutorial_has_three_derivatives():
    @ct.custom_jvp
    def softplus(x):
        return ct.log1p(ct.exp(x))

    softplus.defjvp(lambda x, dx: (softplus(*x), (1 - ct.exp(-softplus(*x))) * dx[0]))
    s = 1 / (1 + math.exp(-0.4))
    want = [math.log1p(math.exp(0.4)), s, s * (1 - s), s * (1 - s) * (1 - 2 * s)]
    assert orders(softplus, 0.4, 3) == pytest.approx(want, rel=1e-14)


def test_rules_that_call_each_other():
    """The sine and the cosine, each the derivative of the other."""
    sine, cosine = ct.custom_jvp(lambda x: ct.sin(x)), ct.custom_jvp(lambda x: ct.cos(x))
    sine.defjvp(lambda x, dx: (sine(*x), 2 * cosine(*x) * dx[0]))
    cosine.defjvp(lambda x, dx: (cosine(*x), -2 * sine(*x) * dx[0]))
    s, c = math.sin(0.5), math.cos(0.5)
    assert orders(sine, 0.5, 4) == pytest.approx([s, 2 * c, -4 * s, -8 * c, 16 * s], rel=1e-14)


def test_a_rule_may_call_its_function_elsewhere():
    """d f(x) = 3 f(x / 2) / 2, at every order that is there; one more is refused by name."""
    @ct.custom_jvp
    def f(x):
        return ct.exp(x)

    f.defjvp(lambda x, dx: (f(*x), 1.5 * f(x[0] / 2) * dx[0]))
    want = [math.exp(0.8), 1.5 * math.exp(0.4), 1.5 * 0.75 * math.exp(0.2)]
    want.append(1.5 * 0.75 * 0.375 * math.exp(0.1))
    assert orders(f, 0.8, 3) == pytest.approx(want, rel=1e-14)
    with pytest.raises(ct.UserError, match="f.*inside its own rule"):
        orders(f, 0.8, 7)


def test_a_rule_in_reverse_that_uses_its_value():
    @ct.custom_vjp
    def f(x):
        return ct.exp(x) + 7.0 * (x - ct.stop_gradient(x))

    def forward(x):
        y = f(x)
        return y, y

    f.defvjp(forward, lambda y, g: (g * y,))
    assert orders(f, 0.3, 3) == pytest.approx([math.exp(0.3)] * 4, rel=1e-14)
    with pytest.raises(ct.UserError, match="forward mode cannot go"):
        ct.hessian(f)(0.3)


def test_a_rule_that_fails_leaves_its_function_whole():
    @ct.custom_jvp
    def f(x):
        return ct.sin(x)

    wrong = True

    @f.defjvp
    def _(x, dx):
        if wrong:
            raise KeyError("once")
        return f(*x), 5.0 * f(*x) * dx[0]

    with pytest.raises(KeyError, match="once"):
        ct.grad(f)(1.0)
    wrong = False
    assert float(ct.grad(f)(1.0)) == pytest.approx(5 * math.sin(1.0))


@pytest.mark.parametrize("given, says", [
    (lambda f: f.defjvp(lambda x, dx: dx[0]), "no pair"),
    (lambda f: f.defjvp(lambda x, dx: (x[0], None)), "tangent"),
    (lambda f: f.defjvp(3), "takes a function"),
])
def test_rules_of_other_kinds_are_refused_by_name(given, says):
    f = ct.custom_jvp(lambda x: x * x)
    with pytest.raises(ct.UserError, match=says):
        given(f)
        ct.grad(f)(1.0)
    g = ct.custom_vjp(lambda x: x * x)
    g.defvjp(lambda x: x, lambda rest, ct: (ct,))
    with pytest.raises(ct.UserError, match="no pair"):
        ct.grad(g)(1.0)
