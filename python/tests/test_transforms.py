"""jit, derivatives, vmap, loops, trees, and what is refused."""
import dataclasses
import enum
import inspect
import sys
import threading
import typing

import cotangent as ct
import numpy as np
import pytest


def fun(x):
    return ct.sum(ct.exp(ct.sin(x * x)) / (1 + x * x))


X = np.array([0.3, -1.1, 2.0])


def difference(f, x, h=1e-5):
    """Central differences."""
    out = np.zeros_like(x)
    for k in range(x.size):
        e = np.zeros_like(x)
        e.flat[k] = h
        out.flat[k] = (float(f(x + e)) - float(f(x - e))) / (2 * h)
    return out


# --- jit


def test_jit_compiles_once_for_each_structure():
    calls = []

    @ct.jit
    def f(x, y=1.0):
        calls.append(x)
        return x * y + 1

    np.testing.assert_array_equal(f(X), X + 1)
    np.testing.assert_array_equal(f(2 * X), 2 * X + 1)
    assert f.programs == len(calls) == 1
    f(X, y=2.0)
    f(np.float32(1))
    f(X[:2])
    assert f.programs == len(calls) == 4
    assert f.__name__ == "f"
    assert inspect.unwrap(f) is f.__wrapped__


def test_jit_takes_numbers_arrays_and_trees():
    f = ct.jit(lambda tree, k: {"sum": tree["a"] + tree["b"][0], "k": (k, None)})
    got = f({"b": [np.float64(2), 3], "a": X}, 4)
    np.testing.assert_array_equal(got["sum"], X + 2)
    assert int(got["k"][0]) == 4 and got["k"][1] is None


def test_static_arguments():
    @ct.jit(static_argnums=1, static_argnames="mode")
    def f(x, n, mode="add"):
        for _ in range(n):
            x = x + 1 if mode == "add" else x * 2
        return x

    assert float(f(1.0, 3)) == 4
    assert float(f(1.0, 3, mode="times")) == 8
    assert float(f(1.0, 2)) == 3
    assert f.programs == 3
    with pytest.raises(ct.UserError, match=r"argument \[0\]\['k'\]"):
        f({"k": object()}, 1)


def test_jit_of_methods_and_inside_each_other():
    class Model:
        scale = 3.0

        @ct.jit
        def apply(self, x):
            return self["scale"] * x if isinstance(self, dict) else x

    inner = ct.jit(lambda x: ct.sin(x))
    outer = ct.jit(lambda x: inner(x) * 2)
    assert float(outer(0.5)) == pytest.approx(2 * np.sin(0.5), rel=1e-15)
    assert inner.programs == 0  # a part of the outer one
    assert float(ct.grad(lambda x: inner(x))(0.5)) == pytest.approx(np.cos(0.5), rel=1e-15)


def test_captured_arrays_are_read_once():
    big = ct.arange(1000) * 1.0
    f = ct.jit(lambda x: ct.sum(big * x))
    assert float(f(2.0)) == 999000.0


# --- derivatives


def test_grad_and_its_kin():
    slope = ct.grad(fun)(X)
    np.testing.assert_allclose(slope, difference(fun, X), rtol=1e-8)
    value, also = ct.value_and_grad(fun)(X)
    assert float(value) == float(fun(X))
    np.testing.assert_array_equal(slope, also)
    np.testing.assert_array_equal(ct.jit(ct.grad(fun))(X).shape, slope.shape)


def test_transposition():
    """<u, J v> is the same by jvp and by vjp."""
    f = lambda x: ct.stack([ct.sin(x[0] * x[1]), x[2] ** 2, ct.sum(x)])  # noqa: E731
    u, v = np.array([0.3, 0.7, -1.0]), np.array([1.0, -2.0, 0.5])
    y, forward = ct.jvp(f, (X,), (v,))
    z, pull = ct.vjp(f, X)
    np.testing.assert_array_equal(y, z)
    (back,) = pull(u)
    assert float(ct.dot(u, forward)) == pytest.approx(float(ct.dot(back, v)), rel=1e-14)
    value, push = ct.linearize(f, X)
    np.testing.assert_allclose(push(v), forward, rtol=1e-15)
    np.testing.assert_allclose(ct.jacfwd(f)(X) @ v, forward, rtol=1e-14)
    np.testing.assert_allclose(ct.jacrev(f)(X), ct.jacfwd(f)(X), rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(ct.jacobian(f)(X), ct.jacfwd(f)(X), rtol=1e-14, atol=1e-16)
    a = np.arange(6.0).reshape(2, 3)
    (t,) = ct.linear_transpose(lambda x: ct.matmul(a, x), X)(np.array([1.0, 2.0]))
    np.testing.assert_allclose(t, a.T @ [1.0, 2.0], rtol=1e-15)


def test_jacobians_of_trees():
    """Exact by hand: of y = {s: a b, t: a} by (a, b)."""
    def f(x):
        return {"s": x["a"][:, None] * x["b"], "t": x["a"]}

    x = {"a": np.array([2.0, 3.0]), "b": np.array([5.0, 7.0, 11.0])}
    for d in (ct.jacfwd(f)(x), ct.jacrev(f)(x), ct.jacobian(f)(x), ct.jit(ct.jacrev(f))(x)):
        want = np.zeros((2, 3, 2))
        want[0, :, 0] = want[1, :, 1] = x["b"]
        assert np.array_equal(d["s"]["a"], want)
        want = np.einsum("i,jk->ijk", x["a"], np.eye(3))
        assert np.array_equal(d["s"]["b"], want)
        assert np.array_equal(d["t"]["a"], np.eye(2))
        assert np.array_equal(d["t"]["b"], np.zeros((2, 3)))


def test_jacobians_by_several_arguments_and_aux():
    def f(a, b):
        return a * b, "more"

    for transform in (ct.jacfwd, ct.jacrev, ct.jacobian):
        (da, db), more = transform(f, argnums=(0, 1), has_aux=True)(2.0, 3.0)
        assert (float(da), float(db), more) == (3.0, 2.0, "more")
    with pytest.raises(ct.UserError, match="int32|int64"):
        ct.jacrev(lambda n: n * 2.0)(3)
    with pytest.raises(ct.UserError, match="jacfwd.*argument 2 of 1"):
        ct.jacfwd(lambda a: a, argnums=2)(1.0)
    assert ct.jacfwd(lambda x: x * 2.0)(np.zeros((0,))).shape == (0, 0)


def test_hessian_of_trees():
    """Exact by hand: of a^2 b."""
    h = ct.hessian(lambda x: x["a"] ** 2 * x["b"])({"a": 3.0, "b": 5.0})
    assert [float(h[i][j]) for i in "ab" for j in "ab"] == [10.0, 6.0, 6.0, 0.0]
    h = ct.hessian(lambda a, b: a * a * b, argnums=(0, 1))(3.0, 5.0)
    assert [float(h[i][j]) for i in (0, 1) for j in (0, 1)] == [10.0, 6.0, 6.0, 0.0]


def test_hessian():
    f = lambda x: ct.sum(x**3) + x[0] * x[1]  # noqa: E731
    want = np.diag(6 * X)
    want[0, 1] = want[1, 0] = 1
    np.testing.assert_allclose(ct.hessian(f)(X), want, rtol=1e-14)
    v = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(ct.hvp(f, (X,), (v,))[0], want @ v, rtol=1e-14)


def test_argnums_and_aux():
    f = lambda a, b, scale=1.0: scale * ct.sum(a["x"] * b)  # noqa: E731
    a, b = {"x": X}, 2 * X
    np.testing.assert_array_equal(ct.grad(f)(a, b)["x"], b)
    np.testing.assert_array_equal(ct.grad(f, argnums=1)(a, b, scale=3.0), 3 * X)
    first, second = ct.grad(f, argnums=(0, 1))(a, b)
    np.testing.assert_array_equal(first["x"], b)
    np.testing.assert_array_equal(second, X)
    (value, aux), slope = ct.value_and_grad(lambda x: (fun(x), {"n": x.sum()}), has_aux=True)(X)
    np.testing.assert_array_equal(slope, ct.grad(fun)(X))
    assert float(aux["n"]) == pytest.approx(X.sum())
    assert float(value) == float(fun(X))
    slope, aux = ct.grad(lambda x: (fun(x), 3), has_aux=True)(X)
    assert int(aux) == 3
    with pytest.raises(ct.UserError, match="argnums"):
        ct.grad(fun, argnums=2)(X)
    with pytest.raises(ct.UserError, match="not one real number"):
        ct.grad(lambda x: x)(X)
    with pytest.raises(ct.UserError, match="ct.float64"):
        ct.grad(lambda x: ct.sum(x) * 1.0)(np.array([1, 2]))


def test_custom_derivatives():
    @ct.custom_jvp
    def softplus(x):
        return ct.log1p(ct.exp(x))

    @softplus.defjvp
    def _(primals, tangents):
        (x,), (dx,) = primals, tangents
        return ct.log1p(ct.exp(x)), dx / (1 + ct.exp(-x))

    assert float(ct.grad(softplus)(0.3)) == pytest.approx(1 / (1 + np.exp(-0.3)), rel=1e-15)
    assert float(ct.jvp(softplus, (0.3,), (2.0,))[1]) == pytest.approx(2 / (1 + np.exp(-0.3)))

    @ct.custom_vjp
    def f(x, y):
        return ct.sin(x) * y

    f.defvjp(lambda x, y: (f(x, y), (x, y)),
             lambda rest, g: (10 * g * ct.cos(rest[0]) * rest[1], g * ct.sin(rest[0])))
    a, b = ct.grad(f, argnums=(0, 1))(0.5, 2.0)
    assert float(a) == pytest.approx(20 * np.cos(0.5), rel=1e-15)
    assert float(b) == pytest.approx(np.sin(0.5), rel=1e-15)
    assert float(ct.grad(lambda x: ct.stop_gradient(x) * x)(3.0)) == 3.0


def test_check_derivatives():
    good, text = ct.check_derivatives(fun, X)
    assert good, text


# --- vmap


def test_vmap_gives_every_lane_its_own_bits():
    rows = np.linspace(-1, 1, 12).reshape(4, 3)
    each = ct.vmap(fun)(rows)
    np.testing.assert_array_equal(each, np.array([float(fun(r)) for r in rows]))
    scaled = ct.vmap(lambda x, s: x * s, in_axes=(0, None))(rows, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(scaled, rows * [1.0, 2.0, 3.0])
    columns = ct.vmap(lambda x: x, in_axes=1, out_axes=1)(rows)
    np.testing.assert_array_equal(columns, rows)
    mixed = ct.vmap(lambda t: t["a"] * t["b"], in_axes=({"a": 0, "b": None},))(
        {"a": rows, "b": 2.0})
    np.testing.assert_array_equal(mixed, 2 * rows)
    outer = ct.vmap(ct.vmap(lambda x, y: x * y, (None, 0)), (0, None))(X, X)
    np.testing.assert_array_equal(outer, np.outer(X, X))
    with pytest.raises(ct.UserError, match="lanes differ"):
        ct.vmap(lambda x, y: x + y)(rows, X)
    with pytest.raises(ct.UserError, match="in_axes"):
        ct.vmap(lambda x, y: x + y, in_axes=(0,))(rows, rows)
    with pytest.raises(ct.UserError, match="no argument has lanes"):
        ct.vmap(lambda x: x, in_axes=None)(rows)


# --- loops


def test_loops():
    assert float(ct.fori_loop(0, 10, lambda i, x: x + i, 0.0)) == 45
    assert int(ct.while_loop(lambda x: x < 100, lambda x: 2 * x, 3)) == 192
    total, steps = ct.scan(lambda c, x: (c + x, c), 0.0, X)
    assert float(total) == pytest.approx(X.sum())
    np.testing.assert_allclose(steps, [0, X[0], X[0] + X[1]])
    end, nothing = ct.scan(lambda c, _: (c * 2, None), 1.0, length=5)
    assert float(end) == 32 and nothing is None
    state = ct.fori_loop(0, 3, lambda i, s: {"q": s["q"] + s["p"], "p": s["p"]}, {"q": X, "p": X})
    np.testing.assert_allclose(state["q"], 4 * X)
    assert float(ct.cond(True, lambda x: x + 1, lambda x: x - 1, 1.0)) == 2
    pick = ct.jit(lambda c, x: ct.cond(c > 0, lambda x: ct.sin(x), lambda x: ct.cos(x), x))
    assert float(pick(1.0, 0.5)) == pytest.approx(np.sin(0.5))
    assert float(pick(-1.0, 0.5)) == pytest.approx(np.cos(0.5))


@pytest.mark.parametrize("keep", [None, "all", ("every", 5), ("binomial", 4), ("budget", 10000)])
def test_gradients_through_loops(keep):
    def end(x):
        return ct.fori_loop(0, 20, lambda i, x: 3.7 * x * (1 - x), x, keep=keep)

    slope = 1.0
    x = 0.3
    for _ in range(20):
        slope *= 3.7 * (1 - 2 * x)
        x = 3.7 * x * (1 - x)
    assert float(ct.grad(end)(0.3)) == pytest.approx(slope, rel=1e-9)


def test_a_while_loop_needs_a_limit_in_reverse():
    f = lambda x, limit: ct.while_loop(lambda s: s < 10, lambda s: s * x, x, limit)  # noqa: E731
    assert float(ct.grad(lambda x: f(x, 20))(2.0)) == pytest.approx(4 * 2.0**3)
    with pytest.raises(ct.UserError):
        ct.grad(lambda x: f(x, 0))(2.0)
    with pytest.raises(ct.UserError, match="limit"):
        float(f(2.0, 2))


def test_pair_sums():
    q = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    m = np.array([1.0, 2.0, 3.0])
    pair = lambda a, b: a["m"] * b["m"] / ct.norm(a["q"] - b["q"])  # noqa: E731
    want = 2 / 1 + 3 / 2 + 6 / np.sqrt(5)
    assert float(ct.pair_sum(pair, {"m": m, "q": q})) == pytest.approx(want, rel=1e-15)
    rows = ct.pair_sum_rows(pair, {"m": m, "q": q})
    assert float(rows.sum()) == pytest.approx(2 * want, rel=1e-15)


def test_find_root():
    anomaly = lambda m, e: ct.find_root(lambda x, m, e: x - e * ct.sin(x) - m, m, m, e)  # noqa: E731
    x = float(anomaly(1.0, 0.3))
    assert x - 0.3 * np.sin(x) == pytest.approx(1.0, rel=1e-14)
    assert float(ct.grad(anomaly)(1.0, 0.3)) == pytest.approx(1 / (1 - 0.3 * np.cos(x)), rel=1e-12)


# --- trees


class Colour(enum.Enum):
    RED = 1


class Point(typing.NamedTuple):
    x: object
    y: object


@dataclasses.dataclass(frozen=True)
class Body:
    q: object
    m: object
    name: str = dataclasses.field(default="", metadata={"static": True})

    def __post_init__(self):
        if isinstance(self.m, float) and self.m <= 0:
            raise ValueError("a mass above 0")


class Custom:
    def __init__(self, a):
        self.a = a

    def tree_flatten(self):
        return (self.a,), None

    @classmethod
    def tree_unflatten(cls, rest, children):
        return cls(*children)


@pytest.mark.parametrize("tree", [
    {"b": X, "a": (1.0, [2.0, None])}, Point(X, 2.0), Body(X, 2.0, "sun"), Custom(X),
    [Body(Point(X, X), 1.0)], ("text", Colour.RED, X)])
def test_trees_go_through(tree):
    got = ct.jit(lambda t: t)(tree)
    assert type(got) is type(tree)
    leaves, again = ct.tree_leaves(tree), ct.tree_leaves(got)
    assert len(leaves) == len(again)
    for a, b in zip(leaves, again):
        np.testing.assert_array_equal(a, b)
    doubled = ct.tree_map(lambda a, b: a + b, tree, tree)
    for a, b in zip(leaves, ct.tree_leaves(doubled)):
        np.testing.assert_array_equal(2 * np.asarray(a), b)


def test_static_fields_are_part_of_the_structure():
    f = ct.jit(lambda b: b.q * (2 if b.name == "two" else 1))
    np.testing.assert_array_equal(f(Body(X, 1.0, "two")).shape, X.shape)
    np.testing.assert_array_equal(f(Body(X, 1.0, "one")), X)
    np.testing.assert_array_equal(f(Body(X, 1.0, "two")), 2 * X)
    assert f.programs == 2


def test_structures_that_change_are_refused():
    with pytest.raises(ct.UserError, match=r"becomes \{'b': \*\}"):
        ct.fori_loop(0, 3, lambda i, s: {"b": s["a"]}, {"a": 1.0})
    with pytest.raises(ct.UserError, match=r"the state\['a'\] is f64\[3\] and becomes f64\[2\]"):
        ct.fori_loop(0, 3, lambda i, s: {"a": s["a"][:2]}, {"a": X})
    with pytest.raises(ct.UserError, match="same structure"):
        ct.jit(lambda x: ct.cond(x > 0, lambda: (x,), lambda: [x]))(1.0)
    with pytest.raises(ct.UserError, match="pair"):
        ct.scan(lambda c, x: c, 0.0, X)


# --- what is refused, with the person's line


def refused(f, *args):
    with pytest.raises(ct.UserError) as caught:
        f(*args)
    return caught.value


def test_a_python_if_shows_its_line_and_the_remedy():
    def f(x):
        if x > 0:  # the line
            return x
        return -x

    e = refused(ct.jit(f), 1.0)
    assert "test_transforms.py:" in e.where and "in f" in e.where
    assert "if x > 0:  # the line" in e.where
    assert "ct.where" in e.remedy and "ct.cond" in e.remedy
    assert e.where in str(e) and "C++" not in str(e)


@pytest.mark.parametrize("look", [float, int, bool, np.asarray, lambda x: x.item(),
                                  lambda x: x.tolist(), lambda x: [1, 2][x.astype("int64")],
                                  lambda x: range(x.astype("int64")), lambda x: f"{x:.2f}",
                                  lambda x: np.linalg.cond(x), lambda x: x.eval()])
def test_values_are_not_known_while_tracing(look):
    for transform in [ct.jit, ct.grad, ct.vmap]:
        given = np.array([1.0, 2.0]) if transform is ct.vmap else 1.0
        e = refused(transform(lambda x: look(x)), given)
        assert "test_transforms.py:" in e.where


def test_shapes_that_differ_show_the_line():
    @ct.jit
    def f(x):
        y = x[:2]
        return x + y  # here

    e = refused(f, X)
    assert "return x + y  # here" in e.where and "f64[3] and f64[2]" in e.what


def test_arrays_that_escape_are_refused():
    kept = []

    @ct.jit
    def f(x):
        kept.append(x)
        return x

    f(1.0)
    e = refused(lambda: float(kept[0] + 1))
    assert "traced" in str(e)


def test_jit_from_several_threads():
    from concurrent.futures import ThreadPoolExecutor

    f = ct.jit(lambda x: ct.cumsum(ct.sin(x) * 2.0))
    sizes = [n for _ in range(8) for n in (3, 5, 7, 11)]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: np.asarray(f(np.arange(n) * 0.1)), sizes))
    for n, x in zip(sizes, got):
        np.testing.assert_array_equal(x, f(np.arange(n) * 0.1))
    assert f.programs >= 4


def test_own_derivatives_in_several_threads():
    """A rule that runs in one thread is not left out in another."""
    @ct.custom_jvp
    def f(x):
        return ct.sin(x)

    f.defjvp(lambda primals, tangents: (f(primals[0]), 5.0 * tangents[0]))
    slopes = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(
            target=lambda: slopes.extend(float(ct.grad(f)(0.0)) for _ in range(100))
        ) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert slopes == [5.0] * 400
