"""What is no argument is refused by name: a UserError that says which, what is wrong, and what to do."""
import numpy as np
import pytest

import cotangent as ct


@pytest.fixture(scope="module")
def system():
    @ct.hamiltonian(q=[1.0], p=[0.0], k=2.0)
    def oscillator(q, p, k):
        return {"kinetic": p[0] ** 2 / 2, "well": k * q[0] ** 2 / 2}

    return oscillator


@pytest.fixture(scope="module")
def flow(system):
    return ct.compile(system, dt=0.01, steps=10)


COMPILE = [
    ({"observe": "text"}, "observe is the text 'text'"), ({"observe": {1: "q[0]"}}, "observe has the key 1"),
    ({"observe": {"a": 3}}, "'a' is an integer"), ({"monitor": 3}, "monitor is 3"), ({"multirate": [1]}, "multirate is a list"),
    ({"ensemble": "1"}, "ensemble is the text"), ({"gradient": (1,)}, "gradient is a tuple"),
    ({"overrides": "1"}, "overrides is the text"), ({"overrides": {1: 2}}, "overrides has the key 1"),
    ({"overrides": {"parameters.k": np.nan}}, "'k' is nan"), ({"overrides": {"parameters.k": np.inf}}, "'k' is inf"),
    ({"dt": np.nan}, "dt is nan"), ({"dt": 0}, "dt is 0"), ({"dt": -1.0}, "dt is -1"), ({"dt": 1j}, "dt is a complex"),
    ({"dt": object()}, "dt is a object"), ({"dt": [1.0]}, "dt is an array"), ({"steps": -1}, "steps is -1"),
    ({"steps": 0}, "steps is 0"), ({"steps": 1.5}, "steps is a real"), ({"steps": 10**30}, "64 bits"),
    ({"threads": "a"}, "threads is 'a'"), ({"threads": 1.5}, "threads is 1.5"), ({"threads": -1}, "threads is -1"),
    ({"cpu": 3}, "cpu is 3"), ({"cpu": "z"}, "'z'"), ({"method": 3}, "method is an integer"),
    ({"trajectory": None}, "trajectory is None"), ({"trajectory": "a"}, "trajectory is the text"),
]


@pytest.mark.parametrize("wrong, says", COMPILE, ids=[str(w) for w, _ in COMPILE])
def test_of_compile(system, wrong, says):
    with pytest.raises(ct.UserError, match=says) as caught:
        ct.compile(system, **{"dt": 0.01, **wrong})
    assert caught.value.remedy or "limit" in says or "64 bits" in says


CALLS = [
    (lambda f: f.run(observe="text"), "observe is the text"), (lambda f: f.run(observe=["q"]), "observe is a list"),
    (lambda f: f.run(initial=[1.0]), "initial is a list"), (lambda f: f.run(initial="q"), "initial is the text"),
    (lambda f: f.run(initial={1: [1.0]}), "initial has the key 1"), (lambda f: f.run(initial={"z": [1.0]}), "'z'"),
    (lambda f: f.run("a"), "q is of the text 'a'"), (lambda f: f.run({}), "q is of a dict"),
    (lambda f: f.run([[1], [2, 3]]), "q is lists of unequal lengths"), (lambda f: f.run([1j]), "q is complex"),
    (lambda f: f.run([None]), "q is of a list"), (lambda f: f.run([1.0, 2.0]), "shape"), (lambda f: f.run([np.nan]), "not finite"),
    (lambda f: f.run(steps=-1), "negative"), (lambda f: f.run(steps=1.5), "steps is 1.5"),
    (lambda f: f.run(steps="3"), "steps is '3'"), (lambda f: f.run(steps=10**30), "64 bits"),
    (lambda f: f.run(t0="a"), "t0 is the text"), (lambda f: f.run(t0=np.nan), "t0 is nan"),
    (lambda f: f.run(every="a"), "every"), (lambda f: f.run(every=0), "every"), (lambda f: f.run(trajectory="a"), "trajectory"),
    (lambda f: f.run(reverse=1), "reverse is 1"), (lambda f: f.run(interrupt="x"), "interrupt is 'x'"),
    (lambda f: f.run(progress=3), "progress is 3"), (lambda f: f.step("a", "b"), "q is of the text"),
    (lambda f: f.step([1.0], [0.0], steps=1.5), "steps is 1.5"), (lambda f: f.step([1.0], [0.0], t="a"), "t is the text"),
    (lambda f: f.step([1.0], [0.0], t=None), "t is None"), (lambda f: f.step(), "0 arrays"),
    (lambda f: f.explain(3), "show is 3"), (lambda f: f.explain([3]), "an entry of show is 3"),
    (lambda f: f.explain("fcts"), "'fcts'"), (lambda f: f.gradient("q[0]", 3), "wrt is 3"),
    (lambda f: f.gradient("q[0]", None), "wrt is None"), (lambda f: f.gradient("q[0]", [3]), "wrt is 3"),
    (lambda f: f.gradient(3, "k"), "of is a int"), (lambda f: f.gradient("q[0]", "k", at=3), "at is 3"),
    (lambda f: f.gradient("q[0]", "k", at="mean", every="a"), "every is 'a'"),
    (lambda f: f.gradient("q[0]", "k", parameters=["k"]), "parameters is a list"),
    (lambda f: f.gradient("q[0]", "k", parameters={"k": np.nan}), "'k' is not finite"),
    (lambda f: f.gradient("q[0]", "k", parameters={"k": "a"}), "'k' is of the text"),
    (lambda f: f.gradient("q[0]", "k", parameters={1: 1.0}), "parameters has the key 1"),
    (lambda f: f.gradient("q[0]", "k", t0=np.inf), "t0 is inf"),
    (lambda f: f.check_grad(of=3), "of is 3"), (lambda f: f.check_grad("q[0]", "k", components="a"), "components is 'a'"),
    (lambda f: f.check_grad("q[0]", "k", components=-1), "components is -1"),
    (lambda f: f.check_grad("q[0]", "k", tolerance="x"), "tolerance is the text"),
    (lambda f: f.run().save(3), "path is 3"), (lambda f: f.run().save(None), "path is None"),
    (lambda f: f.run().report([]), "path is a list"), (lambda f: f.run().plot(3), "no 3"),
    (lambda f: ct.load_run(None), "path is None"),
]


@pytest.mark.parametrize("call, says", CALLS, ids=[f"{k}-{s}" for k, (_, s) in enumerate(CALLS)])
def test_of_flows_and_runs(flow, call, says):
    with pytest.raises(ct.UserError, match=says):
        call(flow)


def test_one_name_may_be_explained(flow):
    assert flow.explain("facts") == flow.explain(("facts",))


def test_a_file_that_is_no_run_is_said_to_be_none(tmp_path):
    (tmp_path / "x.h5").write_text("junk")
    with pytest.raises(ct.UserError, match=r"x\.h5' is no HDF5 file") as caught:
        ct.load_run(tmp_path / "x.h5")
    assert "run.save" in caught.value.remedy


def test_what_a_run_does_not_have_is_named(flow):
    run = flow.run()
    for read in (lambda: run.trajectory["x"], lambda: run.invariants.how("x"), lambda: run.observables.times("x")):
        with pytest.raises(KeyError, match="'x'; there "):
            read()


VALUES = [None, "text", b"bytes", [], [[1.0], [2.0, 3.0]], {}, {"a": "b"}, (), float("nan"), -1, 10**30, 1j, object(), np.array(["x"]),
          np.array([None]), np.array(1j), np.zeros((0,)), np.zeros((2, 3), dtype="int8"), set(), len, int, slice(None), ct.random.Key(0),
          ct.Complex(1.0, 2.0), np.datetime64("2000-01-01"), np.zeros(2, dtype=[("a", "f8")])]  # fmt: skip


def public():
    skip = {"hamiltonian", "lagrangian", "lie_poisson", "equations", "load", "from_dlpack"}  # they have tests of their own
    for home in (ct, ct.linalg, ct.fft, ct.random):
        for name in home.__all__ if home is not ct else dir(ct):
            value = getattr(home, name)
            if name[0] != "_" and callable(value) and not isinstance(value, type) and name not in skip:
                yield f"{home.__name__.removeprefix('cotangent')}.{name}".lstrip("."), value


@pytest.mark.parametrize("name, fun", list(public()), ids=lambda x: x if isinstance(x, str) else "")
def test_no_odd_value_ends_in_our_own_code(name, fun):
    """One, two and three odd values in a row, and beside good ones: an answer, a UserError, or Python's
    own words about the call; never an error from inside."""
    good = np.array([[2.0, 0.5], [0.5, 1.0]])
    calls = [(v,) for v in VALUES] + [(v, v) for v in VALUES] + [(v, v, v) for v in VALUES]
    calls += [(good, v) for v in VALUES] + [(lambda x: x, v) for v in VALUES] + [(v, lambda x: x) for v in VALUES]
    for args in calls:
        try:
            made = fun(*args)
            if callable(made) and not isinstance(made, ct.System):
                made(*args[1:] or (1.0,))
            elif isinstance(made, ct.Array) and not made.is_traced:
                made.eval()
        except ct.InternalError as error:
            pytest.fail(f"{name}{args!r}: {error}")
        except ct.Error:
            pass
        except (TypeError, OverflowError) as error:
            inside = error.__traceback__
            while inside.tb_next is not None:
                inside = inside.tb_next
            where = inside.tb_frame.f_code.co_filename
            words = str(error)
            clear = any(w in words for w in ("argument", "callable", "incompatible function", "len()", "an integer"))
            assert "/cotangent/" not in where or clear, f"{name}{args!r}: {type(error).__name__}: {words}"
        except Exception as error:  # noqa: BLE001
            if "truth value" in str(error):  # of an array in place of True or False
                continue
            pytest.fail(f"{name}{args!r}: {type(error).__name__}: {error}")
