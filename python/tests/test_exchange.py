"""Memory shared with NumPy, buffers and DLPack, and who keeps it alive."""
import array
import gc
import resource
import weakref

import cotangent as ct
import numpy as np
import pytest


def address(x):
    return x.__array_interface__["data"][0]


def test_numpy_sees_our_memory():
    x = ct.linspace(0.0, 1.0, 1000) * 2
    view = np.asarray(x)
    assert address(view) == address(np.asarray(x)) == address(x.to_numpy())
    assert address(view) % 64 == 0
    assert not view.flags.writeable
    with pytest.raises(ValueError):
        view[0] = 1.0
    kept = view.copy()
    del x
    gc.collect()
    np.testing.assert_array_equal(view, kept)
    assert memoryview(ct.array([[1.0, 2.0]])).shape == (1, 2)
    assert np.array(ct.array([1.0]), copy=True).flags.writeable
    assert np.asarray(ct.array([1.0]), dtype="float32").dtype == np.float32


def test_asarray_shares_and_array_copies():
    n = np.arange(10.0)
    shared, copied = ct.asarray(n), ct.array(n)
    assert address(np.asarray(shared)) == address(n)
    assert address(np.asarray(copied)) != address(n)
    kept = weakref.ref(n)
    later = shared + 1
    del n
    gc.collect()
    assert kept() is not None
    np.testing.assert_array_equal(later, np.arange(10.0) + 1)
    del shared, later
    gc.collect()
    assert kept() is None


def test_a_lazy_sum_does_not_see_later_writes():
    n = np.ones(4)
    total = ct.zeros(4) + n
    n[:] = 7
    np.testing.assert_array_equal(total, np.ones(4))


def test_strides_are_followed():
    n = np.arange(24.0).reshape(2, 3, 4)
    for view in [n.transpose(2, 0, 1), n[:, ::-1], n[::2, 1:, ::3], n[:, :, 0]]:
        np.testing.assert_array_equal(ct.asarray(view), view)
        np.testing.assert_array_equal(ct.from_dlpack(view), view)


def test_buffers_of_others():
    a = array.array("f", [1.0, 2.0])
    x = ct.asarray(a)
    assert x.dtype == np.float32
    with pytest.raises(BufferError):  # lent out: its memory must not move
        a.append(3.0)
    del x
    gc.collect()
    a.append(3.0)
    assert ct.asarray(bytearray(b"ab")).dtype == np.uint8
    with pytest.raises(ct.UserError, match="format"):
        ct.asarray(np.zeros(2, dtype="uint16"))
    with pytest.raises(ct.UserError, match="format"):
        ct.asarray(np.zeros(2, dtype=">f8"))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint32", "uint64", "bool",
                                   "uint8", "int8", "int16", "float16"])
def test_dlpack_both_ways(dtype):
    n = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    x = ct.from_dlpack(n)
    assert x.dtype == n.dtype and address(np.asarray(x)) == address(n)
    back = np.from_dlpack(x)
    assert address(back) == address(n)
    np.testing.assert_array_equal(back, n)
    assert not back.flags.writeable


def test_dlpack_capsules():
    x = ct.array([1.0, 2.0])
    assert '"dltensor"' in repr(x.__dlpack__())
    assert '"dltensor_versioned"' in repr(x.__dlpack__(max_version=(1, 0)))
    assert '"dltensor"' in repr(x.__dlpack__(max_version=(0, 8)))
    assert x.__dlpack_device__() == (1, 0)
    again = ct.from_dlpack(x)
    assert address(np.asarray(again)) == address(np.asarray(x))
    apart = np.from_dlpack(x, copy=True)
    assert address(apart) != address(np.asarray(x))
    with pytest.raises(BufferError):
        x.__dlpack__(dl_device=(2, 0))
    for _ in range(100):  # capsules nobody takes are let go of
        x.__dlpack__()
    view = np.from_dlpack(ct.array([5.0]) * 2)
    gc.collect()
    assert view[0] == 10.0


GIGABYTE = 2**27  # numbers of f64: 1 GiB


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


@pytest.fixture
def room():
    """A gigabyte, another if it were copied after all, and what a library works with."""
    with open("/proc/meminfo") as f:
        available = int(next(line for line in f if line.startswith("MemAvailable")).split()[1])
    if available < 4 * 2**20:
        pytest.skip(f"{available / 2**20:.1f} GiB of memory are free")


def test_a_gigabyte_is_not_copied(room):
    n = np.ones(GIGABYTE)
    before = resident()
    x = ct.asarray(n)
    y = np.asarray(x)
    z = ct.from_dlpack(y)
    w = np.from_dlpack(z)
    assert resident() - before < 2**20
    assert address(w) == address(n)


def there_and_back(ours, give, theirs):
    """Of a gigabyte of ours given to another library, and one of theirs to us; how the memory grows."""
    before = resident()
    there = give(ours)
    back = ct.from_dlpack(there)
    here = ct.from_dlpack(theirs)
    grown = resident() - before
    assert address(np.asarray(back)) == address(np.asarray(ours))
    assert address(np.asarray(ours)) % 64 == 0
    assert there[-1] == ours[-1] == 3.0 and np.asarray(here)[-1] == theirs[-1] == 1.0
    return grown


def test_a_gigabyte_to_pytorch_and_back_is_not_copied(room):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    ours, theirs = (ct.ones(GIGABYTE) * 3).eval(), torch.ones(GIGABYTE, dtype=torch.float64)
    torch.from_dlpack(ct.ones(3) * 1)  # what a first call loads
    assert there_and_back(ours, torch.from_dlpack, theirs) < 2**21


def test_a_gigabyte_to_jax_and_back_is_not_copied(room):
    jax = pytest.importorskip("jax", exc_type=ImportError)
    jax.config.update("jax_enable_x64", True)
    ours, theirs = (ct.ones(GIGABYTE) * 3).eval(), jax.numpy.ones(GIGABYTE).block_until_ready()
    jax.dlpack.from_dlpack(ct.ones(3) * 1)
    assert there_and_back(ours, jax.dlpack.from_dlpack, theirs) < 2**21


def test_what_cannot_be_computed_says_so_to_numpy():
    for look in (np.asarray, memoryview, float, np.from_dlpack):
        with pytest.raises(ct.UserError, match="find_root"):
            look(ct.find_root(lambda x: x * x + 1, 1.0))


def test_traced_values_are_refused():
    def f(x):
        np.asarray(x)
        return x

    with pytest.raises(ct.UserError, match="test_exchange.py"):
        ct.jit(f)(1.0)
    with pytest.raises(ct.UserError, match="__dlpack__"):
        ct.jit(lambda x: x.__dlpack__())(1.0)
