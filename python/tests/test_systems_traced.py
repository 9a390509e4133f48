"""Systems from Python functions, beside the same in system files."""
import pickle
import subprocess
import sys
import time
import warnings

import cotangent as ct
import numpy as np
import pytest

FILE = """
[parameters]
G = 2.95912208286e-4
m = [1.0, 9.5e-4, 2.8e-4]
[energy]
kinetic = "sum(i, dot(p[i], p[i]) / (2*m[i]))"
gravity = "-sum(i<j, G*m[i]*m[j] / norm(q[i] - q[j]))"
[initial]
q = [[0, 0, 0], [-3.5, -3.8, -1.5], [9.0, -3.0, -1.6]]
v = [[0, 0, 0], [0.00565, -0.00412, -0.0019], [0.0017, 0.0048, 0.0019]]
[run]
dt = 10.0
steps = 200
"""
Q = np.array([[0, 0, 0], [-3.5, -3.8, -1.5], [9.0, -3.0, -1.6]])
V = np.array([[0, 0, 0], [0.00565, -0.00412, -0.0019], [0.0017, 0.0048, 0.0019]])
M = np.array([1.0, 9.5e-4, 2.8e-4])


def energy(q, p, G, m):
    """Three bodies"""
    kinetic = ct.sum(ct.vmap(lambda p, m: ct.dot(p, p) / (2 * m))(p, m))
    pair = lambda a, b: G * a["m"] * b["m"] / ct.norm(a["q"] - b["q"])  # noqa: E731
    return {"kinetic": kinetic, "gravity": -ct.pair_sum(pair, {"m": m, "q": q})}


@pytest.mark.parametrize("method", ["auto", "leapfrog", "yoshida4"])
def test_the_same_bits_as_the_system_file(method):
    system = ct.hamiltonian(q=Q, v=V, G=2.95912208286e-4, m=M)(energy)
    file = ct.System.from_text(FILE)
    assert system.title == "Three bodies" and system.terms == file.terms
    assert system.shape == (3, 3) and list(system.parameters) == ["G", "m"]
    one = ct.compile(file, method=method).run()
    two = ct.compile(system, dt=10.0, steps=200, method=method).run()
    assert one.state_hash == two.state_hash
    np.testing.assert_array_equal(one.q, two.q)


def test_a_shape_alone_and_a_state_given_to_the_run():
    @ct.hamiltonian(q=(2,), w=2.0)
    def oscillator(q, p, w):
        return ct.sum(p**2) / 2 + w**2 * ct.sum(q**2) / 2

    flow = ct.compile(oscillator, dt=0.01, steps=100, method="leapfrog")
    run = flow.run([1.0, 0.0], [0.0, 1.0])
    np.testing.assert_allclose(run.q[0], np.cos(2.0 * 1.0), atol=1e-3)
    assert oscillator.terms == ["H"]
    assert "separable" in repr(oscillator.facts)


def test_defaults_and_fixed_arguments():
    def chain(q, p, t, k=1.5, power=2, weights=np.array([1, 2, 3])):
        assert isinstance(power, int) and isinstance(weights, np.ndarray)
        assert t.shape == ()
        return {"T": ct.sum(p**2) / 2, "V": k * ct.sum(weights * q**power) / power}

    system = ct.hamiltonian(q=3)(chain)
    assert {k: float(v) for k, v in system.parameters.items()} == {"k": 1.5}
    assert list(ct.hamiltonian(q=3, k=[1.0, 2.0])(
        lambda q, p, k: ct.sum(p**2) + ct.sum(k) * ct.sum(q**2)).parameters["k"]) == [1.0, 2.0]


def test_lie_poisson():
    file = ct.System.from_text("""
[parameters]
I = [1.0, 2.0, 3.0]
[structure]
kind = "lie_poisson"
algebra = "so3"
[energy]
spin = "z[0]^2 / (2*I[0]) + z[1]^2 / (2*I[1]) + z[2]^2 / (2*I[2])"
[initial]
z = [0.3, 1.0, -0.2]
[run]
dt = 0.01
steps = 100
""")

    @ct.lie_poisson("so3", z=[0.3, 1.0, -0.2], I=[1.0, 2.0, 3.0])
    def spin(z, I):  # noqa: E741
        return sum(z[k] * z[k] / (2 * I[k]) for k in range(3))

    one, two = ct.compile(file).run(), ct.compile(spin, dt=0.01, steps=100).run()
    assert one.state_hash == two.state_hash
    with pytest.raises(ct.UserError, match="so5"):
        ct.lie_poisson("so5")(lambda z: z[0])


def test_equations():
    @ct.equations(x=(3,), sigma=10.0, rho=28.0, beta=2.5)
    def lorenz(x, sigma, rho, beta):
        return ct.stack([sigma * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1],
                         x[0] * x[1] - beta * x[2]])

    file = ct.System.from_text("""
[parameters]
sigma = 10.0
rho = 28.0
beta = 2.5
[equations]
x = ["sigma * (x[1] - x[0])", "x[0] * (rho - x[2]) - x[1]", "x[0] * x[1] - beta * x[2]"]
[initial]
x = [1.0, 1.0, 1.0]
[run]
dt = 0.01
steps = 100
""")
    start = {"x": [1.0, 1.0, 1.0]}
    one = ct.compile(file, method="rk4").run()
    two = ct.compile(lorenz, dt=0.01, steps=100, method="rk4").run(initial=start)
    assert one.state_hash == two.state_hash


def test_tracing_and_compiling_six_bodies_takes_less_than_03_s(monkeypatch):
    monkeypatch.setenv("COTANGENT_CACHE", "off")
    q = np.arange(18.0).reshape(6, 3) ** 1.5 / 10
    began = time.process_time()
    system = ct.hamiltonian(q=q, p=q[::-1] * 1e-3, G=1.0, m=np.linspace(0.5, 1, 6))(energy)
    ct.compile(system, dt=1e-3, steps=100, method="leapfrog")
    assert time.process_time() - began < 0.6  # seconds of the processor, twice the bar's


@pytest.mark.parametrize("f, what", [
    (lambda q, p: q, r"'H' is f64\[2\], not f64"),
    (lambda q, p: ct.sum(q) + w, "nothing"),
    (lambda q, p, w: ct.sum(q) + w, "nothing says what 'w' is"),
    (lambda q, *p: ct.sum(q), r"takes \*p"),
    (lambda q, p: {}, "empty"),
    (lambda q, p: ct.sum(q) if q[0] > 0 else 0.0, "asked for while a function is traced"),
    (lambda q, p: ct.sum(q + np.zeros(3)), "shapes differ"),
])
def test_what_is_refused(f, what):
    if what == "nothing":
        with pytest.raises(NameError):
            ct.hamiltonian(q=2)(f)
        return
    with pytest.raises(ct.UserError, match=what) as caught:
        ct.hamiltonian(q=2)(f)
    assert "test_systems_traced.py:" in caught.value.where


def test_an_ensemble_has_the_bits_of_the_files():
    @ct.hamiltonian(q=[1.0, 0.0], p=[0.0, 1.1], k=1.0, observe={"r": lambda q: ct.norm(q)})
    def kepler(q, p, k):
        return {"kinetic": ct.dot(p, p) / 2, "gravity": -k / ct.norm(q)}

    same = ct.System.from_text("""
[parameters]
k = 1.0
[energy]
kinetic = "dot(p, p) / 2"
gravity = "-k / norm(q)"
[initial]
q = [1.0, 0.0]
p = [0.0, 1.1]
[run]
dt = 0.01
steps = 100
[observe]
r = "norm(q)"
""")
    spread = {"q": {"normal": 0.01}, "k": {"values": [0.9, 1.0, 1.1]}}
    given = {"size": 3, "spread": spread}
    one = ct.compile(kepler, dt=0.01, steps=100, ensemble=given).run()
    two = ct.compile(same, ensemble=given).run()
    assert one.members["q"].shape == (3, 2) and one.state_hash == two.state_hash
    assert one.observables["r.mean"][-1] == two.observables["r.mean"][-1]
    with pytest.raises(ct.UserError, match="gravity"):
        ct.compile(kepler, dt=0.01, ensemble={"size": 3, "spread": {"gravity": {"normal": 0.1}}})


def test_a_state_has_entries():
    for make in (ct.hamiltonian(q=(0,)), ct.hamiltonian(q=(0, 3)), ct.lagrangian(q=0),
                 ct.equations(x=(2,), y=(0,))):
        with pytest.raises(ct.UserError, match="no entries"):
            make(lambda: 0.0)


def test_a_system_without_a_time_step():
    free = ct.hamiltonian(q=[1.0])(lambda p: ct.dot(p, p) / 2)
    with pytest.raises(ct.UserError, match="no time step is given"):
        ct.compile(free)
    assert "no time step is given" in str(free.explain())


def test_a_lagrangian_is_its_hamiltonian():
    """Exact: the double pendulum's L and H; p = dL/dv at the start."""
    q0, v0 = [1.2, -0.7], [0.3, 0.4]

    @ct.lagrangian(q=q0, v=v0, g=9.81, observe={"w": lambda v: v[1]})
    def by_l(q, v, g):
        motion = v[0] ** 2 + v[1] ** 2 / 2 + v[0] * v[1] * ct.cos(q[0] - q[1])
        return {"motion": motion, "height": g * (2 * ct.cos(q[0]) + ct.cos(q[1]))}

    @ct.hamiltonian(q=q0, v=v0, g=9.81)
    def by_h(q, p, g):
        c = ct.cos(q[0] - q[1])
        kinetic = (p[0] ** 2 + 2 * p[1] ** 2 - 2 * p[0] * p[1] * c) / (2 * (2 - c * c))
        return kinetic - g * (2 * ct.cos(q[0]) + ct.cos(q[1]))

    one, two = (ct.compile(s, dt=0.01, steps=200).run() for s in (by_l, by_h))
    np.testing.assert_allclose(one.q, two.q, rtol=0, atol=1e-10)
    np.testing.assert_allclose(one.p, two.p, rtol=0, atol=1e-10)
    assert list(one.energies) == ["kinetic", "height", "energy"]
    assert one.observables["w"][0] == pytest.approx(0.4, abs=1e-14)
    c = np.cos(q0[0] - q0[1])
    np.testing.assert_allclose(one.trajectory.p[0], [2 * 0.3 + 0.4 * c, 0.4 + 0.3 * c], rtol=1e-14)
    # A mass that depends on q has to be positive where the run is, not elsewhere.
    far = ct.lagrangian(q=[10.0], v=[1.0])(lambda q, v: (q[0] - 5) * v[0] ** 2 / 2)
    assert ct.compile(far, dt=0.01, steps=10).run().status == "finished"
    with pytest.raises(ct.UserError, match="nothing says where q and p start"):
        ct.compile(ct.lagrangian(q=2)(lambda q, v: ct.dot(v, v)), dt=0.1).run()
    with pytest.raises(ct.UserError, match="degree 2 in v"):
        ct.lagrangian(q=2)(lambda q, v: -ct.sqrt(1 - ct.dot(v, v)))
    with pytest.raises(ct.UserError, match="positive definite"):
        ct.lagrangian(q=2)(lambda q, v: v[0] ** 2 - q[1])


def test_names_that_do_not_fit():
    with pytest.raises(ct.UserError, match="does not take 'k'"):
        ct.hamiltonian(q=2, k=1.0)(lambda q, p: ct.sum(q))
    with pytest.raises(ct.UserError, match="both p and v"):
        ct.hamiltonian(q=[1.0], p=[1.0], v=[1.0])(lambda q, p: ct.sum(q))
    with pytest.raises(ct.UserError, match=r"p is f64\[3\]"):
        ct.hamiltonian(q=[1.0], p=[1.0, 2.0, 3.0])(lambda q, p: ct.sum(q))
    with pytest.raises(ct.UserError, match="'y' has no rate"):
        ct.equations(x=(2,), y=(1,))(lambda x, y: {"x": x})


def test_functions_are_observed():
    @ct.hamiltonian(q=[1.0, 0.0], p=[0.0, 1.0], k=1.0,
                    observe={"lz": lambda q, v: q[0] * v[1] - q[1] * v[0],
                             "stretch": lambda k, q, t: k * q + 0 * t})
    def spring(q, p, k):
        return {"T": ct.sum(p**2) / 2, "V": k * ct.sum(q**2) / 2}

    assert spring.observables == ["lz", "stretch"]
    run = ct.compile(spring, dt=0.01, steps=100, method="leapfrog", every=10).run()
    np.testing.assert_allclose(run.observables["lz"], 1.0, rtol=1e-12)
    np.testing.assert_array_equal(run.observables["stretch"][-1], run.q)
    with pytest.raises(ct.UserError, match="'w' is no parameter"):
        ct.hamiltonian(q=2, observe={"e": lambda q, w=1.0: q})(lambda q, p: ct.sum(q * p))


def test_a_system_without_dt_is_refused_when_it_is_compiled():
    system = ct.hamiltonian(q=2)(lambda q, p: ct.sum(q**2) + ct.sum(p**2))
    with pytest.raises(ct.UserError, match="dt"):
        ct.compile(system)
    with pytest.raises(ct.UserError, match="dt"):
        ct.compile(system, steps=10)
    assert ct.compile(system, dt=0.1).plan.steps == 1000


def test_one_number_is_no_start():
    for one in [2.0, np.float64(2), np.array(2.0)]:
        with pytest.raises(ct.UserError, match="q is one number") as caught:
            ct.hamiltonian(q=one)(lambda q, p: ct.sum(q * p))
        assert "(6, 3)" in caught.value.remedy


def test_a_system_of_shapes_starts_where_it_is_told():
    made = ct.hamiltonian(q=2)(lambda q, p: {"T": ct.sum(p * p) / 2, "V": ct.sum(q * q) / 2})
    flow = ct.compile(made, dt=0.1, steps=5, method="leapfrog")
    for call in [flow.run, lambda: flow.gradient("q[0]", wrt="q"), flow._with(None, 2).run]:
        with pytest.raises(ct.UserError, match="nothing says where q and p start") as caught:
            call()
        assert "(q0=..., p0=...)" in caught.value.remedy.replace("(..., ", "(")
    with pytest.raises(ct.UserError, match=r"\[run\] nothing says where p starts"):
        flow.run([1.0, 0.0])
    start = [1.0, 0.0], [0.0, 1.0]
    end = flow.run(*start)
    for other in [flow.run(start[0], v0=start[1]), flow.run(initial={"q": start[0], "p": start[1]})]:
        assert other.state_hash == end.state_hash
    assert flow.gradient("q[0]", wrt="q", q0=start[0], p0=start[1]).value == end.q[0]
    assert ct.check_grad(flow, "q[0]", steps=3)  # anywhere
    with pytest.raises(ct.UserError, match=r"\[accuracy\] nothing says"):
        ct.compile(made, accuracy=1e-6, t_end=10.0)
    half = ct.hamiltonian(q=2, p=[0.0, 1.0])(lambda q, p: ct.sum(p * p + q * q) / 2)
    assert ct.compile(half, dt=0.1, steps=5, method="leapfrog").run([1.0, 0.0]).state_hash == end.state_hash


def test_equations_start_where_they_are_told():
    made = ct.equations(x=(2,), w=(1,))(lambda x, w: {"x": -x, "w": -w})
    flow = ct.compile(made, dt=0.1, steps=5, method="rk4")
    with pytest.raises(ct.UserError, match="nothing says where w starts") as caught:
        flow.run(initial={"x": [1.0, 2.0]})
    assert "initial=" in caught.value.remedy
    assert flow.run(initial={"x": [1.0, 2.0], "w": [0.0]}).steps == 5
    fall = ct.equations(x=(1,), v=(1,))(lambda x, v: {"x": v, "v": -9.81 + 0 * v})
    assert ct.compile(fall, dt=0.1).run(initial={"x": [0.0], "v": [1.0]}).status == "finished"
    spin = ct.lie_poisson("so3")(lambda z: ct.sum(z * z * np.array([1.0, 2.0, 3.0])))
    with pytest.raises(ct.UserError, match="nothing says where z starts"):
        ct.compile(spin, dt=0.1).run()


def springs_of(k: float) -> ct.System:
    @ct.hamiltonian(q=[0.1, 1 / 3], p=[0.0, 1e5], m=[1.0, 3e-7], k=k,
                    observe={"speed": lambda v: ct.dot(v, v)})
    def springs(q, p, m, k):
        return {"kinetic": ct.dot(p, p / m) / 2, "potential": k * ct.dot(ct.sin(q), ct.sin(q))}

    return springs


def test_a_system_of_functions_is_a_file(tmp_path):
    system = springs_of(1.7)
    system.to_toml(tmp_path / "springs.toml")
    read = ct.load(tmp_path / "springs.toml")
    assert read.terms == system.terms and read.parameters["m"].tolist() == [1.0, 3e-7]
    flow, again = (ct.compile(s, dt=1e-4, steps=300) for s in (system, read))
    assert flow.plan.method == again.plan.method
    assert flow.run().state_hash == again.run().state_hash
    assert np.array_equal(flow.run().observables["speed"], again.run().observables["speed"])
    other = read.with_overrides({"parameters.k": 2.5})
    assert (ct.compile(other, dt=1e-4, steps=9).run().state_hash
            == ct.compile(springs_of(2.5), dt=1e-4, steps=9).run().state_hash)


def test_the_command_line_runs_it(tmp_path):
    system = springs_of(1.7).with_overrides({"run.dt": 1e-4, "run.steps": 300})
    system.to_toml(tmp_path / "springs.toml")
    done = subprocess.run([sys.executable, "-m", "cotangent", "run", str(tmp_path / "springs.toml"), "--json"],
                          capture_output=True, text=True, check=True)
    assert ct.compile(system).run().state_hash in done.stdout


def test_a_file_wants_a_start(tmp_path):
    @ct.hamiltonian(q=(2,))
    def free(q, p):
        return ct.dot(p, p) / 2

    with pytest.raises(ct.UserError, match="nothing says where q and p start"):
        free.to_toml()
    text = free.to_toml(initial={"q": [1, 2], "v": [3, 4]})
    assert ct.System.from_text(text).initial["v"].tolist() == [3, 4]


def test_saved_runs_of_functions_have_their_system(tmp_path):
    run = ct.compile(springs_of(1.7), dt=1e-4, steps=300).run(q0=[0.3, 0.2])
    run.save(tmp_path / "run.h5")
    saved = ct.load_run(tmp_path / "run.h5")
    assert saved.notes == run.notes
    saved.report(tmp_path / "saved.html")
    assert "springs" in (tmp_path / "saved.html").read_text()


def test_systems_are_pickled_and_shown():
    system = springs_of(1.7).with_overrides({"run.dt": 1e-4, "run.steps": 40})
    again = pickle.loads(pickle.dumps(system))
    assert ct.compile(again).run().state_hash == ct.compile(system).run().state_hash
    assert "def springs(q, p, m, k)" in system._repr_html_()

    @ct.equations(x=(2,), r=0.5)
    def decay(x, r):
        return -r * x

    told = pickle.loads(pickle.dumps(decay))
    with pytest.raises(ct.UserError, match="nothing says where x starts"):
        ct.compile(told, dt=0.1).run()


def test_places_are_those_of_the_source():
    system = springs_of(1.7)
    line = springs_of.__code__.co_firstlineno + 1
    places = {f.place for f in system.facts} - {""}
    assert places and all(p.startswith(f"{__file__}:{line}:") for p in places), places


def test_equations_start_where_they_are_told():
    @ct.equations(initial={"x": [1.0, 2.0], "y": 0.5}, r=0.5)
    def decay(x, y, r):
        return {"x": -r * x, "y": -y}

    assert decay.initial["x"].tolist() == [1, 2] and decay.initial["y"].shape == ()
    run = ct.compile(decay, dt=0.01, steps=100).run()
    assert np.allclose(run.final["x"], np.exp(-0.5) * np.array([1, 2]))
    with pytest.raises(ct.UserError, match="'x' is given twice"):
        ct.equations(initial={"x": [1.0]}, x=(1,))(lambda x: -x)


def test_a_lie_poisson_state_may_be_a_shape():
    top = ct.lie_poisson("so3", z=(3,))(lambda z: ct.dot(z, z * z) / 2)
    with pytest.raises(ct.UserError, match="nothing says where z starts"):
        ct.compile(top, dt=0.1).run()


def test_an_energy_may_check_and_iterate():
    @ct.hamiltonian(q=[0.3], p=[1.0])
    def bounded(q, p):
        r = ct.check(ct.dot(q, q), ct.dot(q, q) < 4, "out of the box")
        root = ct.find_root(lambda x: x * x - r - 1, 1.0)
        return {"kinetic": ct.dot(p, p) / 2, "potential": root}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ct.RunWarning)
        flow = ct.compile(bounded, dt=0.01, steps=100)
        assert flow.run().invariants.max_rel_error("energy") < 1e-4
        run = flow.run(p0=[9.0])
    assert run.status == "stopped" and "out of the box" in run.notes[0]
    assert pickle.loads(pickle.dumps(run)).notes == run.notes


def test_a_member_that_fails_stops_no_other():
    @ct.hamiltonian(q=[0.0], p=[1.0])
    def bounded(q, p):
        r = ct.check(ct.dot(q, q), ct.dot(q, q) < 4, "out of the box")
        return {"kinetic": ct.dot(p, p) / 2, "potential": r / 20}

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        flow = ct.compile(bounded, dt=0.01, steps=300, method="leapfrog",
                          ensemble={"size": 64, "spread": {"p": {"normal": 0.5}}, "seed": 1})
        run = flow.run()
    out = int(np.isnan(run.members["q"]).sum())
    assert run.status == "finished" and 0 < out < 64
    assert any(f"{out} of 64 members are not finite" in str(w.message) for w in said)


def test_starts_are_set_as_parameters_are():
    free = ct.hamiltonian(q=(2,))(lambda q, p: ct.dot(p, p) / 2)
    told = free.with_overrides({"initial.q": [1, 2], "initial.v": [0.0, 4.0]})
    assert told.initial["v"].tolist() == [0, 4]
    assert ct.compile(told, dt=0.5, steps=2).run().q.tolist() == [1, 6]
    assert ct.compile(free, dt=0.5, steps=2, overrides={"initial.q": [1, 2], "initial.p": [0, 4]}).run().q.tolist() == [1, 6]
    with pytest.raises(ct.UserError, match="nothing says where p starts"):
        ct.compile(free.with_overrides({"initial.q": [1, 2]}), dt=0.5).run()


def test_a_parameter_has_one_meaning():
    with pytest.raises(ct.UserError, match="'pi' is reserved"):
        ct.hamiltonian(q=[1.0], pi=2.0)(lambda q, p, pi: ct.dot(p, p) / pi)


def chain_of(n, k, m):
    @ct.hamiltonian(q=np.linspace(0.1, 0.2, n), p=np.zeros(n), k=k, m=m)
    def chain(q, p, k, m):
        stretch = q[1:] - q[:-1]
        return {"kinetic": ct.dot(p, p) / (2 * m), "springs": k * ct.dot(stretch, stretch) / 2}

    return chain


def test_linked_systems_are_the_system_written_whole():
    whole = ct.link(chain_of(3, 1.0, 2.0), chain_of(2, 4.0, 1.0),
                    lambda qa, qb, c: c * (qa[-1] - qb[0]) ** 2 / 2, c=3.0)
    assert whole.shape == (5,) and set(whole.parameters) == {"a.k", "a.m", "b.k", "b.m", "c"}

    @ct.hamiltonian(q=np.concatenate([np.linspace(0.1, 0.2, 3), np.linspace(0.1, 0.2, 2)]), p=np.zeros(5))
    def by_hand(q, p):
        mass = np.array([2.0, 2, 2, 1, 1])
        k = np.array([1.0, 1, 3, 4])
        stretch = q[1:] - q[:-1]
        return ct.dot(p, p / mass) / 2 + ct.dot(k, stretch * stretch) / 2

    runs = [ct.compile(s, dt=0.01, steps=500, method="leapfrog").run() for s in (whole, by_hand)]
    np.testing.assert_allclose(runs[0].q, runs[1].q, rtol=1e-12)
    assert whole.facts["linear"] and whole.facts["separable"].how == "proved"


def test_systems_add():
    two = chain_of(3, 1.0, 2.0) + chain_of(2, 4.0, 1.0)
    assert two.terms == ["a.kinetic", "a.springs", "b.kinetic", "b.springs"]
    alone = ct.compile(chain_of(2, 4.0, 1.0), dt=0.01, steps=300, method="leapfrog").run()
    both = ct.compile(two, dt=0.01, steps=300, method="leapfrog").run()
    np.testing.assert_allclose(both.q[3:], alone.q, rtol=1e-12)
    told = ct.hamiltonian(q=(2,))(lambda q, p: ct.dot(p, p) / 2)
    with pytest.raises(ct.UserError, match="nothing says where q and p start"):
        ct.compile(two + told, dt=0.1).run()
    with pytest.raises(ct.UserError, match="without q and p"):
        two + ct.lie_poisson("so3", z=[1.0, 0, 0])(lambda z: ct.dot(z, z))
    with pytest.raises(ct.UserError, match="without a coupling"):
        ct.link(two, two, k=1.0)
    with pytest.raises(ct.UserError, match="not one real number"):
        ct.link(two, two, lambda qa: qa)
    with pytest.raises(TypeError):
        two + 1
