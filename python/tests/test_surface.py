"""Odd and end uses of the package: what it takes, what it gives back, and what it says of the rest."""
import collections
import copy
import functools
import pickle

import numpy as np
import pytest

import cotangent as ct

Point = collections.namedtuple("Point", "x y")


class Square:
    """A function without a name."""

    def __call__(self, x):
        return ct.sum(x * x)


class Params(dict):
    """A dict of one's own."""


@pytest.mark.parametrize("tree", [
    collections.OrderedDict(b=1.0, a=2.0), collections.defaultdict(list, b=1.0, a=2.0), Point(1.0, 2.0),
    {"b": 1.0, "a": [2.0, (3.0,)]}, Params(w=1.0),
], ids=lambda t: type(t).__name__)
def test_trees_come_back_as_what_they_are(tree):
    for given in (ct.tree_map(lambda x: x, tree), ct.jit(lambda t: t)(tree),
                  ct.grad(lambda t: sum(ct.tree_leaves(t)))(tree)):
        assert type(given) is type(tree)
        if isinstance(tree, collections.OrderedDict):
            assert list(given) == list(tree)
        if isinstance(tree, collections.defaultdict):
            assert given["new"] == []
    lanes = ct.tree_map(lambda x: np.full(3, x), tree)
    assert type(ct.vmap(lambda t: t)(lanes)) is type(tree)


def test_the_order_of_an_ordered_dict_names_its_lanes():
    lanes = collections.OrderedDict(b=np.arange(3.0), a=np.ones(2))
    axes = collections.OrderedDict(b=0, a=None)
    given = ct.vmap(lambda t: t["b"] + ct.sum(t["a"]), in_axes=(axes,))(lanes)
    np.testing.assert_array_equal(given, [2, 3, 4])


@pytest.mark.parametrize("fun", [Square(), functools.partial(lambda a, x: a * ct.sum(x * x), 1.0)])
def test_functions_without_a_name(fun):
    x = np.array([1.0, 2.0])
    for f in (ct.jit(fun), ct.custom_jvp(fun)):
        if isinstance(f, ct.custom_jvp):
            f.defjvp(lambda x, dx: (f(*x), 2 * ct.sum(x[0] * dx[0])))
        np.testing.assert_array_equal(ct.grad(f)(x), 2 * x)
        assert float(f(x)) == 5
    np.testing.assert_array_equal(ct.hessian(fun)(x), 2 * np.eye(2))
    np.testing.assert_array_equal(ct.vmap(fun)(np.eye(2)), [1, 1])
    with pytest.raises(ct.UserError, match="no derivative yet"):
        ct.custom_jvp(fun)(x)


def test_keys_and_complex_arrays_are_printed_copied_and_pickled():
    key = ct.random.Key(42).with_step(3)
    assert repr(key) == "Key(seed=42, member=0, step=3)"
    for other in (pickle.loads(pickle.dumps(key)), copy.copy(key), copy.deepcopy(key)):
        np.testing.assert_array_equal(ct.random.normal(other, 3), ct.random.normal(key, 3))
    z = ct.Complex([3.0, 0.0], [4.0, 1.0])
    again = pickle.loads(pickle.dumps(z))
    np.testing.assert_array_equal(again.to_numpy(), [3 + 4j, 1j])
    np.testing.assert_array_equal(ct.abs(z), [5, 1])
    np.testing.assert_array_equal(ct.absolute(copy.deepcopy(z)), [5, 1])


@pytest.mark.parametrize("wrong, remedy", [
    (lambda: ct.jit(lambda z: z)(1j), r"ct\.Complex"), (lambda: ct.jit(lambda z: z)(np.array([1j])), r"ct\.Complex"),
    (lambda: ct.vmap(lambda z: z)(np.array([1j])), r"ct\.Complex"),
    (lambda: ct.exp(ct.Complex(1.0, 2.0)), r"methods"), (lambda: ct.grad(lambda z: z)(1j), r"ct\.Complex"),
])
def test_what_is_complex_is_refused_with_what_to_do(wrong, remedy):
    with pytest.raises(ct.UserError) as caught:
        wrong()
    assert caught.match(remedy)


def test_a_scan_may_go_backwards():
    rows = np.arange(5.0)
    last, sums = ct.scan(lambda c, x: (2 * c + x, c), 1.0, rows, reverse=True)
    want, c = [], 1.0
    for x in rows[::-1]:
        want.append(c)
        c = 2 * c + x
    assert float(last) == c
    np.testing.assert_array_equal(sums, want[::-1])
    _, counted = ct.scan(lambda c, _: (c + 1, c), 0, length=3, reverse=True)
    np.testing.assert_array_equal(counted, [2, 1, 0])
    slope = ct.grad(lambda x: ct.scan(lambda c, x: (c * x, None), 1.0, x, reverse=True)[0])(rows[1:])
    np.testing.assert_allclose(slope, 24 / rows[1:])


def test_updates_at_places_count_each_of_them():
    x = np.array([2.0, 3.0, 5.0, 7.0])
    a, twice = ct.array(x), np.array([1, 3, 1])
    y = np.array([2.0, 0.5, 4.0])
    for name, ufunc in {"multiply": np.multiply, "divide": np.divide, "power": np.power, "min": np.minimum,
                        "max": np.maximum, "add": np.add, "subtract": np.subtract}.items():
        want = x.copy()
        ufunc.at(want, twice, y)
        np.testing.assert_allclose(getattr(a.at[twice], name)(y), want, rtol=1e-15, err_msg=name)
        want = x.copy()
        want[1:3] = ufunc(want[1:3], 4.0)
        np.testing.assert_allclose(getattr(a.at[1:3], name)(4.0), want, rtol=1e-15, err_msg=name)
    m = np.arange(6.0).reshape(2, 3)
    want = m.copy()
    np.multiply.at(want, (np.array([0, 0]), slice(None)), 2.0)
    np.testing.assert_array_equal(ct.array(m).at[np.array([0, 0]), :].multiply(2.0), want)
    np.testing.assert_array_equal(a.at[twice].get(), x[twice])
    slope = ct.grad(lambda a: a.at[twice].multiply(y).sum())(a)
    np.testing.assert_array_equal(slope, [1, 8, 1, 0.5])


def test_arrays_have_numpys_methods():
    x = np.array([[3.0, -1.0], [0.5, 2.0]])
    a = ct.array(x)
    for call in (lambda v: v.clip(0, 2), lambda v: v.cumsum(), lambda v: v.cumsum(1), lambda v: v.argsort(),
                 lambda v: v.swapaxes(0, 1), lambda v: v.repeat(2, 1), lambda v: v.take([0, 3]), lambda v: v.trace(),
                 lambda v: v.diagonal(), lambda v: v.round(), lambda v: v.conj(), lambda v: v.real, lambda v: v.imag):
        np.testing.assert_array_equal(call(a), call(x))
    np.testing.assert_array_equal(a.sort(), np.sort(x))
    np.testing.assert_array_equal(a.mT, x.T)


@pytest.mark.parametrize("use", [
    float, lambda x: float(x + 1), bool, np.asarray, lambda x: x.tolist(), lambda x: ct.jit(lambda y: y + x)(1.0),
    lambda x: ct.grad(lambda y: y * x)(2.0).item(), lambda x: x.eval(),
])
def test_what_leaks_from_a_traced_function_is_said(use):
    kept = []
    ct.jit(lambda x: kept.append(ct.sin(x)) or x)(1.0)
    with pytest.raises(ct.UserError, match="after th(e|at) function returned") as caught:
        use(kept[0])
    assert "return it" in caught.value.remedy and "test_surface.py" in caught.value.where


@pytest.mark.parametrize("rows, says", [
    ([[1, 2], [3]], r"the list\[1\] is a list of 1"), ([[1, 2], 3], r"the list\[1\] is a int"),
    ([[[1], [2]], [[3], [4, 5]]], r"the list\[1\]\[1\] is a list of 2"), (["a"], "no arrays of elements"),
])
def test_lists_that_are_no_arrays_are_refused_by_their_place(rows, says):
    for make in (ct.array, ct.sin, lambda x: ct.ones(2) + ct.asarray(x)):
        with pytest.raises(ct.UserError, match=says):
            make(rows)


@pytest.mark.parametrize("keep", [3, "some", ("every", "a"), (1, 2), ("every",), ("every", None)])
def test_what_a_loop_cannot_keep_is_refused(keep):
    with pytest.raises(ct.UserError, match=r"\[keep\]"):
        ct.fori_loop(0, 2, lambda i, x: x, 0.0, keep=keep)
