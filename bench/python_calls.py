"""What a call from Python costs beside what it computes, and how soon a system runs.

Run by bench/run_python. Each figure is the least of several rounds: other work only adds.
"""
import os
import time

os.environ["COTANGENT_CACHE"] = "off"  # compiled anew each time

import cotangent as ct  # noqa: E402
import numpy as np  # noqa: E402

ROUNDS = 30


def least(call, times):
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            call()
        best = min(best, (time.perf_counter() - began) / times)
    return best


def overhead(name, path):
    """Of flow.step: the time of no step at all (conversion, call, start, arrays), and by 20 steps
    against 220."""
    flow = ct.compile(path)
    system = flow.system
    state = [system.initial["q"], flow.run(steps=0).p]
    at = {n: least(lambda n=n: flow.step(*state, steps=n), 2000) for n in (0, 1, 20, 220)}
    a_step = (at[220] - at[20]) / 200
    print(f"{name:22s} step(steps=0) {at[0] * 1e6:6.2f} us   step(steps=1) {at[1] * 1e6:6.2f} us   "
          f"a step {a_step * 1e6:6.3f} us   overhead {(at[20] - 20 * a_step) * 1e6:6.2f} us   "
          f"run(steps=1) {least(lambda: flow.run(steps=1, progress=False), 200) * 1e6:6.0f} us")


def start(name, path):
    """From a file to a flow that has run a step."""
    best = [float("inf")] * 3
    for _ in range(10):
        began = time.perf_counter()
        system = ct.load(path)
        loaded = time.perf_counter()
        flow = ct.compile(system)
        compiled = time.perf_counter()
        flow.run(steps=1, progress=False)
        ran = time.perf_counter()
        best = [min(a, b) for a, b in zip(best, (loaded - began, compiled - loaded, ran - compiled))]
    print(f"{name:22s} load {best[0] * 1e3:6.2f} ms   compile {best[1] * 1e3:6.1f} ms   "
          f"first run {best[2] * 1e3:6.2f} ms   together {sum(best) * 1e3:6.1f} ms")


def copies():
    """Memory that looking at a trajectory takes."""
    flow = ct.compile("examples/outer_solar_system.toml", every=1)
    run = flow.run(progress=False)
    q = run.trajectory.q
    same = q.__array_interface__["data"][0] == run.trajectory.q.__array_interface__["data"][0]
    print(f"a trajectory of {q.nbytes / 1e6:.0f} MB: {'a view' if same else 'COPIED'}, "
          f"{least(lambda: run.trajectory.q, 1000) * 1e6:.2f} us to look at")
    assert same and not q.flags.owndata
    assert np.isfinite(q).all()


if __name__ == "__main__":
    overhead("kepler", "examples/kepler.toml")
    overhead("outer solar system", "examples/outer_solar_system.toml")
    start("kepler", "examples/kepler.toml")
    start("outer solar system", "examples/outer_solar_system.toml")
    copies()
