import gc
import json
import sys
import weakref

import cotangent as ct
import numpy as np
import pytest


@pytest.fixture
def run(examples):
    return ct.compile(str(examples / "outer_solar_system.toml"), steps=2000).run()


def test_where_it_ended(run):
    assert run.status == "finished" and run.check() is run
    assert (run.steps, run.planned_steps, run.dt, run.t) == (2000, 2000, 10.0, 20000.0)
    assert run.q.shape == run.p.shape == run.v.shape == (6, 3)
    np.testing.assert_array_equal(run.q, run.trajectory.q[-1])
    np.testing.assert_array_equal(run.p, run.trajectory["p"][-1])
    assert set(run.final) == {"q", "p", "v"} and run.members == {}
    assert len(run.state_hash) == 16 and run.notes == []
    assert "2,000 of 2,000 steps" in repr(run) and "state hash" in str(run)
    assert "<pre>" in run._repr_html_()


def test_the_way_there(run):
    path = run.trajectory
    assert path.q.shape == (101, 6, 3) and path.t.shape == (101,)
    assert path.t[[0, -1]].tolist() == [0.0, 20000.0]
    assert path.step.tolist() == list(range(0, 2001, 20))
    assert list(path) == ["q", "p"] and path.every("q") == 20
    assert run.observables["jupiter_distance"].shape == (101,)
    assert run.observables.steps("lz").tolist() == [0, 1000, 2000]
    assert run.invariants["energy"].shape == (101,)
    assert run.invariants["angular_momentum"].shape == (101, 3)
    assert 0 < run.invariants.max_rel_error("energy") < 1e-10
    worst = np.abs(run.invariants["energy"] - run.invariants["energy"][0]).max()
    assert run.invariants.max_abs_error("energy") == worst
    assert run.invariants.how("momentum") == "proved"
    np.testing.assert_allclose(run.energies["kinetic"] + run.energies["gravity"],
                               run.energies["energy"], rtol=1e-13)
    distance = np.linalg.norm(path.q[:, 1] - path.q[:, 0], axis=1)
    np.testing.assert_allclose(run.observables["jupiter_distance"], distance, rtol=1e-14)
    with pytest.raises(AttributeError, match="no 'x'"):
        path.x
    for text in (repr(path), repr(run.observables), repr(run.invariants)):
        assert text


def address(array):
    return array.__array_interface__["data"][0]


def test_arrays_are_views_that_keep_the_run_alive(examples):
    run = ct.compile(str(examples / "outer_solar_system.toml"), steps=2000).run()
    q = run.trajectory.q
    assert q.dtype == np.float64 and not q.flags.writeable and not q.flags.owndata
    for get in (lambda: run.trajectory.q, lambda: run.q, lambda: run.invariants["energy"],
                lambda: run.observables["lz"], lambda: run.trajectory.t):
        assert address(get()) == address(get())
        with pytest.raises(ValueError, match="read-only"):
            get()[...] = 0
    before = q.copy()
    alive = weakref.ref(run)
    del run, get
    gc.collect()
    assert alive() is None
    np.testing.assert_array_equal(q, before)


def test_no_copy_is_made_of_a_large_trajectory(python):
    """The memory of a process that looks at a trajectory of 160 MB grows by less than a tenth."""
    done = python("""
import resource, cotangent as ct
text = '''
[energy]
kinetic = "sum(i, p[i]^2) / 2"
springs = "sum(i, q[i]^2) / 2"
[initial]
q = [%s]
p = [%s]
[run]
dt = 0.01
steps = 10000
method = "leapfrog"
''' % (",".join(["0.5"] * 1000), ",".join(["0.0"] * 1000))
run = ct.compile(ct.System.from_text(text), every=1).run()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
q = run.trajectory.q
assert q.nbytes == 10001 * 1000 * 8
assert run.trajectory.q[5000, 500] == q[5000, 500]
print(peak() - before)
""")
    assert int(done.stdout) < 8e6


def test_saved_and_loaded(run, tmp_path):
    path = run.save(tmp_path / "solar.h5")
    with pytest.raises(ct.UserError, match="there already"):
        run.save(path)
    run.save(path, overwrite=True)
    again = ct.load_run(path)
    same(run, again)
    again.report(tmp_path / "report.html")
    assert "Outer solar system" in (tmp_path / "report.html").read_text()
    assert again.to_dict()["state_hash"] == run.state_hash
    same(run, ct.load_run(again.save(tmp_path / "again.hdf5")))


def same(run, again):
    assert (again.title, again.status, again.steps, again.planned_steps, again.dt, again.t,
            again.method, again.state_hash, again.run_seconds) == (
                run.title, run.status, run.steps, run.planned_steps, run.dt, run.t, run.method,
                run.state_hash, run.run_seconds)
    for name, x in run.final.items():
        np.testing.assert_array_equal(again.final[name], x)
    for (_, a), (_, b) in zip(run._groups(), again._groups()):
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
            np.testing.assert_array_equal(a.times(name), b.times(name))
            np.testing.assert_array_equal(a.steps(name), b.steps(name))
            assert a.every(name) == b.every(name)
    assert repr(again.invariants) == repr(run.invariants)
    assert set(again.members) == set(run.members)


def test_a_folder_is_the_command_lines(run, tmp_path, cli, examples):
    folder = run.save(tmp_path / "solar")
    assert {f.name for f in folder.iterdir()} == {"result.json", "trajectory.h5", "report.html"}
    assert json.loads((folder / "result.json").read_text())["state_hash"] == run.state_hash
    same(run, ct.load_run(folder))
    with pytest.raises(ct.UserError):
        run.save(folder)
    run.save(folder, overwrite=True)
    cli("run", examples / "kepler.toml", "--set", "run.steps=10", "--out", tmp_path / "csv")
    with pytest.raises(ct.UserError, match="CSV"):
        ct.load_run(tmp_path / "csv")
    for wrong in (tmp_path / "no_such.h5", tmp_path / "csv/result.json"):
        with pytest.raises(ct.Error):
            ct.load_run(wrong)


def test_saved_runs_of_other_systems(examples, tmp_path):
    for name in ("lorenz", "logistic_map", "rigid_body"):
        flow = ct.compile(str(examples / f"{name}.toml"), steps=50)
        run = flow.run()
        same(run, ct.load_run(run.save(tmp_path / f"{name}.h5")))
    flow = ct.compile(str(examples / "kepler_ensemble.toml"), steps=20)
    run = flow.run()
    size = next(iter(run.members.values())).shape[0]
    assert size == 1000 and all(x.shape[0] == size for x in run.members.values())
    again = ct.load_run(run.save(tmp_path / "ensemble.h5"))
    same(run, again)
    for name, x in run.members.items():
        np.testing.assert_array_equal(again.members[name], x)


def test_plots(run, examples):
    import matplotlib

    matplotlib.use("Agg")
    ax = run.plot()
    assert len(ax.lines) == 6 and ax.get_title() == "Outer solar system"
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), run.trajectory.q[:, 1, 0])
    ax = run.plot("energy")
    assert ax.lines[0].get_ydata()[0] == 0
    assert run.plot("lz", ax=ax) is ax and len(ax.lines) == 2
    with pytest.raises(ct.UserError, match="jupiter_distance"):
        run.plot("no_such")
    lorenz = ct.compile(examples / "lorenz.toml", steps=50).run()
    assert len(lorenz.plot().lines) == 3


def test_what_is_not_installed_is_said(run, monkeypatch):
    for package, ask in (("matplotlib.pyplot", run.plot), ("xarray", run.to_xarray),
                         ("pandas", run.to_pandas)):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ct.UserError, match="pip install " + package.split(".")[0]) as caught:
            ask()
        assert caught.value.remedy


def test_xarray_and_pandas(run):
    data = run.to_xarray()
    assert data["q"].shape == (101, 6, 3) and data["q"].dims[0] == "t"
    np.testing.assert_array_equal(data["q"].values, run.trajectory.q)
    np.testing.assert_array_equal(data["lz"]["t_lz"].values, run.observables.times("lz"))
    assert data.attrs["method"] == run.method
    frame = run.to_pandas()
    assert frame.index.name == "t" and len(frame) == 101
    np.testing.assert_array_equal(frame["q[1,2]"].to_numpy(), run.trajectory.q[:, 1, 2])
    assert frame["lz"].notna().sum() == 3


def test_without_a_trajectory(pendulum):
    run = ct.compile(pendulum, trajectory=False).run(trajectory=False)
    assert len(run.trajectory) == 0 and run.observables["angle"].shape == (101,)
    with pytest.raises(ct.UserError, match="trajectory=True"):
        run.trajectory.q


def test_other_systems_name_their_state(examples):
    run = ct.compile(str(examples / "lorenz.toml"), steps=10).run()
    assert set(run.final) == {"x", "y", "z"} and run.final["x"].shape == ()
    with pytest.raises(AttributeError, match="x, y, z"):
        run.q


def test_a_state_that_turns_non_finite_keeps_what_was_good():
    system = ct.System.from_text("""
[energy]
kinetic = "p[0]^2 / 2"
fall = "-exp(q[0]^2)"
[initial]
q = [1.0]
p = [1.0]
[run]
dt = 0.01
steps = 1000
method = "leapfrog"
""")
    with pytest.warns(ct.RunWarning, match="scheme's own energy"):
        flow = ct.compile(system)
    with pytest.warns(ct.RunWarning, match="not finite after step"):
        run = flow.run()
    assert run.status == "non-finite" and 0 < run.steps < 1000
    assert np.isfinite(run.q).all() and np.isfinite(run.trajectory.q).all()
    with pytest.raises(ct.RunError, match="not finite after step") as caught:
        run.check()
    assert caught.value.run is run


def test_saved_runs_say_what_they_said(tmp_path, examples):
    lorenz = ct.compile(str(examples / "lorenz.toml"), dt=0.01, steps=200,
                        monitor={"lyapunov": 1}).run()
    again = ct.load_run(lorenz.save(tmp_path / "lorenz.h5"))
    assert str(again).splitlines()[0] == str(lorenz).splitlines()[0]
    assert again.lyapunov == lorenz.lyapunov and len(lorenz.lyapunov["exponents"]) == 1
    assert lorenz.megno is None
    same(lorenz, ct.load_run(again.save(tmp_path / "again.h5")))
    fall = ct.System.from_text("""
[energy]
kinetic = "p[0]^2 / 2"
edge = "sqrt(q[0])"
[initial]
q = [1.0]
p = [-1.0]
[run]
dt = 0.01
steps = 300
""")
    with pytest.warns(ct.RunWarning):
        run = ct.compile(fall).run()
    again = ct.load_run(run.save(tmp_path / "fall.h5"))
    assert run.notes and again.notes == run.notes
    with pytest.raises(ct.RunError, match="step"):
        again.check()
