"""Layers of PyTorch and JAX, where these are installed."""
import cotangent as ct
import numpy as np
import pytest


def f(q, k):
    return ct.sum(ct.sin(q) * k), q * 2


def address(x):
    return np.asarray(x).__array_interface__["data"][0]


@pytest.fixture(scope="module")
def flow():
    @ct.hamiltonian(q=[1.0, 0.0], p=[0.0, 1.2], k=1.0)
    def kepler(q, p, k):
        return {"T": ct.sum(p**2) / 2, "V": -k / ct.norm(q)}

    return ct.compile(kepler, dt=0.01, steps=100, method="leapfrog")


def differences(flow, q, p, k, c):
    """Of c[0] . q + c[1] . p at the end, by q, p and k."""

    def f(x):
        end = flow.run(x[:2], x[2:4]) if x[4] == k else ct.compile(
            flow.system.with_overrides({"parameters.k": float(x[4])})).run(x[:2], x[2:4])
        return c[0] @ end.q + c[1] @ end.p

    x = np.concatenate([q, p, [k]])
    return np.array([(f(x + h) - f(x - h)) / 2e-5 for h in 1e-5 * np.eye(5)])


def test_the_cotangents_of_a_flow(flow):
    from cotangent.interop import _both_ways

    run, back, like_run, _ = _both_ways(flow, None, ["k"])
    q, p, k = np.array([1.0, 0.1]), np.array([0.0, 1.2]), 1.0
    end = flow.run(q, p)
    for got, want in zip(run(q, p, k), [end.q, end.p]):
        np.testing.assert_array_equal(got, want)
    c = np.array([[0.3, -1.0], [2.0, 0.7]])
    got = np.concatenate([np.ravel(x) for x in back((q, p, k), tuple(c))])
    np.testing.assert_allclose(got, differences(flow, q, p, k, c), rtol=1e-7)
    with pytest.raises(ct.UserError, match="no real parameter 'w'"):
        _both_ways(flow, None, ["w"])
    with pytest.raises(ct.UserError, match="2 inputs for 3"):
        run(q, p)
    with pytest.raises(ct.UserError, match="'q' is"):
        run(q[:1], p, k)
    assert [x.shape for x in like_run(q, p, k)] == [(2,), (2,)]
    with pytest.raises(ct.UserError, match="2 arguments for q, p, k"):
        like_run(q, p)


class TestTorch:
    @pytest.fixture
    def torch(self):
        return pytest.importorskip("torch", exc_type=ImportError)

    def test_memory_is_shared_both_ways(self, torch):
        t = torch.arange(6, dtype=torch.float64).reshape(2, 3)
        x = ct.from_dlpack(t)
        assert address(x) == t.data_ptr()
        assert torch.from_dlpack(x * 1).dtype == torch.float64
        y = (x * 2).eval()
        assert torch.from_dlpack(y).data_ptr() == address(y)
        assert ct.asarray(t.to(torch.bfloat16)).dtype is not None
        np.testing.assert_array_equal(ct.asarray(t.T), t.T.numpy())

    def test_a_layer_has_its_gradient(self, torch):
        layer = ct.to_torch(f)
        q = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
        k = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(layer, (q, k))
        total, double = layer(q, k)
        (total + double.sum()).backward()
        np.testing.assert_allclose(q.grad, np.cos(q.detach()) * 1.5 + 2, rtol=1e-14)
        np.testing.assert_allclose(k.grad, np.sin(q.detach()).sum(), rtol=1e-14)

    def test_a_rollout_is_a_layer(self, torch):
        def end(x):
            return ct.fori_loop(0, 20, lambda i, x: 3.7 * x * (1 - x), x)

        x = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
        ct.to_torch(end)(x).backward()
        assert float(x.grad) == pytest.approx(float(ct.grad(end)(0.3)), rel=1e-12)


    def test_a_flow_is_a_layer(self, torch, flow):
        layer = ct.to_torch(flow, wrt=["k"])
        given = [torch.tensor(x, dtype=torch.float64, requires_grad=True)
                 for x in ([1.0, 0.1], [0.0, 1.2], 1.0)]
        assert torch.autograd.gradcheck(layer, given)


class TestJax:
    @pytest.fixture
    def jax(self):
        jax = pytest.importorskip("jax", exc_type=ImportError)
        jax.config.update("jax_enable_x64", True)
        return jax

    def test_memory_is_shared_both_ways(self, jax):
        y = (ct.arange(1000) * 0.5).eval()
        there = jax.dlpack.from_dlpack(y)
        assert there.unsafe_buffer_pointer() == address(y)
        back = ct.from_dlpack(there)
        assert address(back) == address(y)
        np.testing.assert_array_equal(ct.asarray(jax.numpy.ones(3)), np.ones(3))

    def test_a_layer_has_its_gradient(self, jax):
        layer = ct.to_jax(f)
        q = jax.numpy.array([0.3, -1.0, 2.0])

        def loss(q, k):
            total, double = layer(q, k)
            return total + double.sum()

        for gradient in [jax.grad(loss, (0, 1)), jax.jit(jax.grad(loss, (0, 1)))]:
            by_q, by_k = gradient(q, 1.5)
            np.testing.assert_allclose(by_q, np.cos(q) * 1.5 + 2, rtol=1e-14)
            np.testing.assert_allclose(by_k, np.sin(q).sum(), rtol=1e-14)
        lanes = jax.vmap(loss, (0, None))(jax.numpy.stack([q, 2 * q]), 1.5)
        np.testing.assert_allclose(lanes[1], loss(2 * q, 1.5), rtol=1e-14)

    def test_a_flow_is_a_layer(self, jax, flow):
        layer = ct.to_jax(flow, wrt=["k"])
        jnp = jax.numpy
        q, p, k = jnp.array([1.0, 0.1]), jnp.array([0.0, 1.2]), 1.0
        c = np.array([[0.3, -1.0], [2.0, 0.7]])

        def objective(q, p, k):
            end = layer(q, p, k)
            return c[0] @ end[0] + c[1] @ end[1]

        got = jax.jit(jax.grad(objective, (0, 1, 2)))(q, p, k)
        want = differences(flow, np.asarray(q), np.asarray(p), k, c)
        np.testing.assert_allclose(np.concatenate([np.ravel(x) for x in got]), want, rtol=1e-7)


    def test_what_jax_cannot_take_is_refused_with_what_to_do(self, jax, flow):
        ones = jax.numpy.ones(2)
        with pytest.raises(ct.UserError, match="2 arguments for q, p, k"):
            ct.to_jax(flow, wrt=["k"])(ones, ones)
        jax.config.update("jax_enable_x64", False)
        try:
            assert ct.to_jax(ct.sin)(jax.numpy.ones(2)).dtype == np.float32
            with pytest.raises(ct.UserError, match="64-bit") as caught:
                ct.to_jax(flow)(jax.numpy.ones(2), jax.numpy.ones(2))
            assert "jax_enable_x64" in caught.value.remedy
        finally:
            jax.config.update("jax_enable_x64", True)

    def test_a_layer_is_compiled_once(self, jax):
        layer, x = ct.to_jax(lambda x: ct.sin(x) * 2), jax.numpy.ones(3)
        layer(x)
        with jax.log_compiles(), pytest.MonkeyPatch.context() as patch:
            compiled = []
            patch.setattr("logging.Logger.handle", lambda self, record: compiled.append(record.msg))
            layer(x)
        assert not [text for text in compiled if "ompil" in str(text)], compiled


def test_what_is_not_installed_is_said(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ct.UserError, match="torch is not installed"):
        ct.to_torch(f)


def test_the_cotangents_of_equations():
    from cotangent.interop import _both_ways

    @ct.equations(x=(2,), w=(1,), a=0.5)
    def pair(x, w, a):
        return {"x": ct.stack([x[1], -x[0] + a * w[0]]), "w": -w * x[:1]}

    flow = ct.compile(pair, dt=0.01, steps=50, method="rk4")
    run, back, *_ = _both_ways(flow, None, ["a"])
    given = [np.array([1.0, 0.2]), np.array([0.7]), 0.5]
    c = (np.array([0.3, -1.0]), np.array([2.0]))

    def f(z):
        x, w = run(z[:2], z[2:3], z[3])
        return float(ct.dot(c[0], x) + ct.dot(c[1], w))

    z = np.array([1.0, 0.2, 0.7, 0.5])
    want = [(f(z + h) - f(z - h)) / 2e-5 for h in 1e-5 * np.eye(4)]
    got = np.concatenate([np.ravel(x) for x in back(tuple(given), c)])
    np.testing.assert_allclose(got, want, rtol=1e-8)
    end = flow.run(initial={"x": given[0], "w": given[1]}).final
    np.testing.assert_array_equal(run(*given)[0], end["x"])
