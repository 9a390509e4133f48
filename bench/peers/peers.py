"""The cases of bench/suite.cpp in other array compilers; prints a JSON line a measurement.

    python bench/peers/peers.py PEER [--quick] [--one-core] [--results FOLDER] [NAME...]

PEER is jax, torch, drjit, numba, taichi, warp or numpy; NAME is a case, or the start of its name.
The least wall time of several calls after one that compiles; "cold" cases are the compiling call.
--one-core uses one core and measures processor time, for a busy machine. --results names the
folder where bench_suite put its gradients: a peer's that is not the same has no time.
"""

import argparse
import json
import os
import time

import gradients
import numpy as np

STEPS, LANES = 1000, 4096


def report(case, who, seconds, **more):
    print(json.dumps({"case": case, "who": who, "seconds": seconds, **more}), flush=True)


def best(call, quick, clock=time.perf_counter):
    """Least of several calls; the first, which compiles, is not counted."""
    call()
    least, stop = 1e30, time.perf_counter() + (0.3 if quick else 3.0)
    count = 0
    while count < 3 or time.perf_counter() < stop:
        start = clock()
        call()
        least = min(least, clock() - start)
        count += 1
        if time.perf_counter() > stop + 20:
            break
    return least


def initial(components, lanes, dtype):
    n = np.arange(lanes)
    rows = [0.1 + 0.013 * k + 1e-4 * (n % 997) for k in range(components)]
    return [np.asarray(r, dtype=dtype) for r in rows]


# --- the systems, on anything with arithmetic, sin and cos


def lorenz(s, m):
    x, y, z = s
    dx, dy, dz = 10 * (y - x), x * (28 - z) - y, x * y - (8.0 / 3) * z
    return [x + 0.005 * dx, y + 0.005 * dy, z + 0.005 * dz]


def pendulum(s, m):
    a1, a2, w1, w2 = s
    g, d = 9.81, a1 - a2
    sd, cd, den = m.sin(d), m.cos(d), 3 - m.cos(d + d)
    n1 = (-3 * g) * m.sin(a1) - g * m.sin(a1 - (a2 + a2)) - 2 * sd * (w2 * w2 + w1 * w1 * cd)
    n2 = 2 * sd * (2 * (w1 * w1) + (2 * g) * m.cos(a1) + w2 * w2 * cd)
    w1, w2 = w1 + 0.001 * (n1 / den), w2 + 0.001 * (n2 / den)
    return [a1 + 0.001 * w1, a2 + 0.001 * w2, w1, w2]


def cartpole(s, m):
    x, v, a, w = s
    sn, cs = m.sin(a), m.cos(a)
    temp = (-2 * a + 0.05 * (w * w * sn)) / 1.1
    acc = (9.8 * sn - cs * temp) / (0.5 * (4.0 / 3 - 0.1 * (cs * cs) / 1.1))
    xacc = temp - (0.05 / 1.1) * (acc * cs)
    return [x + 0.02 * v, v + 0.02 * xacc, a + 0.02 * w, w + 0.02 * acc]


def carries60(x):
    return [
        x[k] + 0.001 * ((x[(k + 1) % 60] - x[(k + 58) % 60]) * x[(k + 59) % 60] - x[k] + 8.0)
        for k in range(60)
    ]


SYSTEMS = {"lorenz": (lorenz, 3), "pendulum": (pendulum, 4), "cartpole": (cartpole, 4)}


class Cases:
    def __init__(self, who, quick, wanted, one_core=False, results=None):
        self.who, self.quick, self.wanted, self.results = who, quick, wanted, results
        self.cores = len(os.sched_getaffinity(0))  # one, if only one is wanted
        self.clock = time.process_time if one_core else time.perf_counter

    def wants(self, name):
        return not self.wanted or any(name.startswith(w) for w in self.wanted)

    def run(self, name, make):
        if not self.wants(name):
            return
        try:
            report(name, self.who, best(make(), self.quick, self.clock))
        except Exception as error:  # a peer that cannot do a case is shown as that
            report(name, self.who, None, error=f"{type(error).__name__}: {error}"[:200])

    def gradients(self, make):
        """The fastest of the ways of make(dtype) to the gradient of the cartpoles."""
        for dtype in (np.float64, np.float32):
            name = f"gradient-cartpole-{'f64' if dtype == np.float64 else 'f32'}"
            if not self.wants(name):
                continue
            seconds, errors, failed = {}, {}, {}
            try:
                for way, (call, gradient) in make(dtype).items():
                    try:
                        call()
                        errors[way] = self.difference(name, gradient(), dtype)
                        seconds[way] = best(call, self.quick, self.clock)
                    except Exception as error:
                        failed[way] = f"{type(error).__name__}: {error}"[:200]
            except Exception as error:
                failed["all"] = f"{type(error).__name__}: {error}"[:200]
            way = min(seconds, key=seconds.get, default=None)
            more = {"way": way, "ways": seconds, "difference": errors}
            if failed:
                more["error"] = "; ".join(f"{w}: {e}" for w, e in failed.items())
            report(name, self.who, seconds.get(way), **more)

    def difference(self, name, gradient, dtype):
        """From ours, over a lane's largest entry: of the worst lane. Raises if it is too much.

        Some lanes pass near the unstable balance and magnify round-off some 100,000 times, so in
        f32 the median of the lanes is held to 1e-4 and the worst only to 0.05.
        """
        if self.results is None:
            return None
        ours = np.fromfile(os.path.join(self.results, name + ".bin"), dtype).reshape(gradient.shape)
        lanes = np.abs(gradient - ours).max(axis=1) / np.abs(ours).max(axis=1)
        median, worst = float(np.median(lanes)), float(lanes.max())
        wide = dtype == np.float64
        if not (worst <= 1e-6 if wide else median <= 1e-4 and worst <= 0.05):
            raise ValueError(f"its gradient differs from ours by {worst:.2g} (median {median:.2g})")
        return worst

    def systems(self, make):
        for name, (step, components) in SYSTEMS.items():
            for dtype in ("f64", "f32"):
                case = f"lanes-{name}-{dtype}"
                self.run(case, lambda: make(step, components, np.dtype({"f64": "float64", "f32": "float32"}[dtype])))


def run_jax(c):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", c.cores)  # the first is used but where said

    def rollout(step, components, dtype):
        def one(state):
            return jax.lax.fori_loop(0, STEPS, lambda _, s: step(s, jnp), state)

        f = jax.jit(jax.vmap(one))
        s = [jnp.asarray(x) for x in initial(components, LANES, dtype)]
        return lambda: jax.block_until_ready(f(s))

    c.systems(rollout)

    def logistic():
        f = jax.jit(lambda x: jax.lax.fori_loop(0, 10_000_000, lambda _, y: 3.9 * y * (1 - y), x))
        return lambda: f(0.1).block_until_ready()

    c.run("logistic", logistic)

    def sixty():
        f = jax.jit(lambda s: jax.lax.fori_loop(0, 614, lambda _, x: carries60(x), s))
        s = [jnp.float64(0.1 + 0.013 * k) for k in range(60)]
        return lambda: jax.block_until_ready(f(s))

    c.run("carries60", sixty)

    def sixty_gradient():
        def end(s):
            return sum(x * x for x in jax.lax.fori_loop(0, 614, lambda _, x: carries60(x), s))

        f = jax.jit(jax.value_and_grad(end))
        s = [jnp.float64(0.1 + 0.013 * k) for k in range(60)]
        return lambda: jax.block_until_ready(f(s))

    c.run("gradient-carries60", sixty_gradient)

    c.gradients(lambda dtype: gradients.jax(dtype, c.cores, cartpole))
    for n in (3, 4, 8, 16):
        for name, dtype in (("f64", jnp.float64), ("f32", jnp.float32)):

            def product():
                count = 65536 // (n * n) * 16
                a, b = jnp.full((count, n, n), 0.5, dtype), jnp.full((count, n, n), 0.25, dtype)
                f = jax.jit(jnp.matmul)
                return lambda: f(a, b).block_until_ready()

            c.run(f"matmul-{n}-{name}", product)
    size = 10**7 if c.quick else 10**8

    def elementwise(f, arrays):
        xs = [jnp.full(size, 0.5) for _ in range(arrays)]
        g = jax.jit(f)
        return lambda: g(*xs).block_until_ready()

    c.run("triad", lambda: elementwise(lambda a, b: a + 3.0 * b, 2))
    c.run("chain", lambda: elementwise(lambda x: chain(x, jnp), 1))
    m = 2002 if c.quick else 10002

    def five():
        x = jnp.full((m, m), 0.5)
        f = jax.jit(stencil5)
        return lambda: f(x).block_until_ready()

    c.run("stencil5", five)
    k = 202 if c.quick else 402

    def twenty_seven():
        x = jnp.full((k, k, k), 0.5)
        f = jax.jit(stencil27)
        return lambda: f(x).block_until_ready()

    c.run("stencil27", twenty_seven)
    if c.wants("cold-pendulum"):
        def first():
            def step(_, s):
                w = s[1] - 0.01 * jnp.sin(s[0])
                return [s[0] + 0.01 * w, w]

            f = jax.jit(lambda s: jax.lax.fori_loop(0, 1, step, s))
            jax.block_until_ready(f([0.1, 0.113]))

        jax.block_until_ready(jnp.zeros(3) + 1)
        start = time.perf_counter()
        first()
        report("cold-pendulum", c.who, time.perf_counter() - start)
    if c.wants("cold-20000"):
        def large(_, s):
            x = list(s)
            for r in range(100):
                for k in range(67):
                    weight = 1e-4 * (1 + 0.37 * r + 0.11 * k)
                    x[k] = x[k] * (1 - weight) + weight * x[(k + 1) % 67]
            return x

        start = time.perf_counter()
        f = jax.jit(lambda s: jax.lax.fori_loop(0, 1, large, s))
        jax.block_until_ready(f([jnp.float64(0.1 + 0.013 * k) for k in range(67)]))
        report("cold-20000", c.who, time.perf_counter() - start)


def chain(x, m):
    y = m.sqrt(x * x + 1) - x
    y = m.maximum(y * 0.5, 0.5) + x
    return abs(y * y - 1)


def stencil5(x):
    around = (x[1:-1, :-2] + x[1:-1, 2:]) + (x[:-2, 1:-1] + x[2:, 1:-1])
    return 0.25 * around - x[1:-1, 1:-1]


def stencil27(x):
    n = x.shape[0]
    total = None
    for i in range(3):
        for j in range(3):
            for k in range(3):
                part = x[i : n - 2 + i, j : n - 2 + j, k : n - 2 + k]
                total = part if total is None else total + part
    return total * (1.0 / 27)


def run_numpy(c):
    size = 10**7 if c.quick else 10**8

    def elementwise(f, arrays):
        xs = [np.full(size, 0.5) for _ in range(arrays)]
        return lambda: f(*xs)

    c.run("triad", lambda: elementwise(lambda a, b: a + 3.0 * b, 2))
    c.run("chain", lambda: elementwise(lambda x: chain(x, np), 1))
    m, k = (2002, 202) if c.quick else (10002, 402)
    c.run("stencil5", lambda: (lambda x: lambda: stencil5(x))(np.full((m, m), 0.5)))
    c.run("stencil27", lambda: (lambda x: lambda: stencil27(x))(np.full((k, k, k), 0.5)))
    for n in (3, 4, 8, 16):
        for name, dtype in (("f64", np.float64), ("f32", np.float32)):
            count = 65536 // (n * n) * 16
            a, b = np.full((count, n, n), 0.5, dtype), np.full((count, n, n), 0.25, dtype)
            c.run(f"matmul-{n}-{name}", lambda a=a, b=b: lambda: np.matmul(a, b))

    def rollout(step, components, dtype):
        def call():
            s = initial(components, LANES, dtype)
            for _ in range(STEPS):
                s = [np.asarray(x, dtype) for x in step(s, np)]
        return call

    c.systems(rollout)


def run_numba(c):
    import math

    import numba

    def steps_of(step, components):
        # One instance by scalars in a compiled loop, instances shared among threads.
        source = {
            3: "x, y, z = a[0, n], a[1, n], a[2, n]",
            4: "x, y, z, u = a[0, n], a[1, n], a[2, n], a[3, n]",
        }[components]
        names = ["x", "y", "z", "u"][:components]
        inner = numba.njit(fastmath=False)(globals()[f"_{step.__name__}_scalar"])
        code = (
            "def run(a, steps):\n"
            "    for n in numba.prange(a.shape[1]):\n"
            f"        {source}\n"
            "        for _ in range(steps):\n"
            f"            {', '.join(names)} = inner({', '.join(names)})\n"
            f"        {'; '.join(f'a[{k}, n] = {v}' for k, v in enumerate(names))}\n"
        )
        space = {"numba": numba, "inner": inner}
        exec(code, space)
        return numba.njit(parallel=True)(space["run"])

    def rollout(step, components, dtype):
        f = steps_of(step, components)
        s = np.stack(initial(components, LANES, dtype))
        return lambda: f(s.copy(), STEPS)

    c.systems(rollout)

    @numba.njit
    def logistic(x, steps):
        for _ in range(steps):
            x = 3.9 * x * (1 - x)
        return x

    c.run("logistic", lambda: lambda: logistic(0.1, 10_000_000))

    @numba.njit(parallel=True)
    def triad(a, b, out):
        for i in numba.prange(a.size):
            out[i] = a[i] + 3.0 * b[i]

    size = 10**7 if c.quick else 10**8

    def streams():
        a, b, out = np.full(size, 0.5), np.full(size, 0.5), np.empty(size)
        return lambda: triad(a, b, out)

    c.run("triad", streams)


def _lorenz_scalar(x, y, z):
    dx, dy, dz = 10 * (y - x), x * (28 - z) - y, x * y - (8.0 / 3) * z
    return x + 0.005 * dx, y + 0.005 * dy, z + 0.005 * dz


def _pendulum_scalar(a1, a2, w1, w2):
    g, d = 9.81, a1 - a2
    sd, cd, den = np.sin(d), np.cos(d), 3 - np.cos(d + d)
    n1 = (-3 * g) * np.sin(a1) - g * np.sin(a1 - (a2 + a2)) - 2 * sd * (w2 * w2 + w1 * w1 * cd)
    n2 = 2 * sd * (2 * (w1 * w1) + (2 * g) * np.cos(a1) + w2 * w2 * cd)
    w1, w2 = w1 + 0.001 * (n1 / den), w2 + 0.001 * (n2 / den)
    return a1 + 0.001 * w1, a2 + 0.001 * w2, w1, w2


def _cartpole_scalar(x, v, a, w):
    sn, cs = np.sin(a), np.cos(a)
    temp = (-2 * a + 0.05 * (w * w * sn)) / 1.1
    acc = (9.8 * sn - cs * temp) / (0.5 * (4.0 / 3 - 0.1 * (cs * cs) / 1.1))
    xacc = temp - (0.05 / 1.1) * (acc * cs)
    return x + 0.02 * v, v + 0.02 * xacc, a + 0.02 * w, w + 0.02 * acc


def run_torch(c):
    import torch

    size = 10**7 if c.quick else 10**8
    for n in (3, 4, 8, 16):
        for name, dtype in (("f64", torch.float64), ("f32", torch.float32)):
            count = 65536 // (n * n) * 16
            a = torch.full((count, n, n), 0.5, dtype=dtype)
            b = torch.full((count, n, n), 0.25, dtype=dtype)
            c.run(f"matmul-{n}-{name}", lambda a=a, b=b: lambda: torch.bmm(a, b))

    def streams():
        a, b = torch.full((size,), 0.5, dtype=torch.float64), torch.full((size,), 0.5, dtype=torch.float64)
        out = torch.empty_like(a)
        return lambda: torch.add(a, b, alpha=3.0, out=out)

    c.run("triad", streams)

    def rollout(step, components, dtype):
        kind = torch.float64 if dtype == np.float64 else torch.float32

        def call():
            s = [torch.from_numpy(x) for x in initial(components, LANES, dtype)]
            for _ in range(STEPS):
                s = [x.to(kind) for x in step(s, torch)]
        return call

    c.systems(rollout)


def run_drjit(c):
    import drjit as dr

    from drjit.llvm import Float32, Float64, UInt32

    dr.set_thread_count(c.cores)

    def rollout(step, components, dtype):
        kind = Float64 if dtype == np.float64 else Float32
        s = [kind(x) for x in initial(components, LANES, dtype)]
        dr.eval(s)

        def body(i, *state):
            return (i + 1, *step(list(state), dr))

        def call():
            out = dr.while_loop(
                (UInt32(0), *[kind(x) for x in s]), lambda i, *_: i < STEPS, body, mode="symbolic"
            )
            dr.eval(out)
            dr.sync_thread()

        return call

    c.systems(rollout)
    c.gradients(lambda dtype: gradients.drjit(dtype, c.cores, cartpole))


def run_warp(c):
    import warp

    warp.config.log_level = warp.config.LOG_WARNING if hasattr(warp.config, "LOG_WARNING") else 30
    c.gradients(lambda dtype: gradients.warp(dtype, c.cores))


ti = None  # taichi, once it is imported: its functions may not import


def run_taichi(c):
    global ti
    import taichi

    ti = taichi
    def init(**more):
        ti.init(arch=ti.cpu, log_level=ti.ERROR, cpu_max_num_threads=c.cores, **more)

    init(fast_math=False, default_fp=ti.f64)

    def rollout(step, components, dtype):
        real = ti.f64 if dtype == np.float64 else ti.f32
        field = ti.field(real, shape=(components, LANES))
        field.from_numpy(np.stack(initial(components, LANES, dtype)))
        inner = ti.func(globals()[f"_{step.__name__}_taichi"])
        names = ["x", "y", "z", "u"][:components]
        if components == 3:

            @ti.kernel
            def run():
                for n in range(LANES):
                    x, y, z = field[0, n], field[1, n], field[2, n]
                    for _ in range(STEPS):
                        x, y, z = inner(x, y, z)
                    field[0, n], field[1, n], field[2, n] = x, y, z
        else:

            @ti.kernel
            def run():
                for n in range(LANES):
                    x, y, z, u = field[0, n], field[1, n], field[2, n], field[3, n]
                    for _ in range(STEPS):
                        x, y, z, u = inner(x, y, z, u)
                    field[0, n], field[1, n], field[2, n], field[3, n] = x, y, z, u

        def call():
            run()
            ti.sync()

        return call

    c.systems(rollout)

    def gradient(dtype):
        init(fast_math=True, default_fp=ti.f64 if dtype == np.float64 else ti.f32)
        return gradients.taichi(dtype, c.cores, ti, ti.func(_cartpole_taichi))

    c.gradients(gradient)


def _lorenz_taichi(x, y, z):
    dx, dy, dz = 10 * (y - x), x * (28 - z) - y, x * y - (8.0 / 3) * z
    return x + 0.005 * dx, y + 0.005 * dy, z + 0.005 * dz


def _pendulum_taichi(a1, a2, w1, w2):
    g, d = 9.81, a1 - a2
    sd, cd, den = ti.sin(d), ti.cos(d), 3 - ti.cos(d + d)
    n1 = (-3 * g) * ti.sin(a1) - g * ti.sin(a1 - (a2 + a2)) - 2 * sd * (w2 * w2 + w1 * w1 * cd)
    n2 = 2 * sd * (2 * (w1 * w1) + (2 * g) * ti.cos(a1) + w2 * w2 * cd)
    v1, v2 = w1 + 0.001 * (n1 / den), w2 + 0.001 * (n2 / den)
    return a1 + 0.001 * v1, a2 + 0.001 * v2, v1, v2


def _cartpole_taichi(x, v, a, w):
    sn, cs = ti.sin(a), ti.cos(a)
    temp = (-2 * a + 0.05 * (w * w * sn)) / 1.1
    acc = (9.8 * sn - cs * temp) / (0.5 * (4.0 / 3 - 0.1 * (cs * cs) / 1.1))
    xacc = temp - (0.05 / 1.1) * (acc * cs)
    return x + 0.02 * v, v + 0.02 * xacc, a + 0.02 * w, w + 0.02 * acc


PEERS = {
    "jax": run_jax,
    "torch": run_torch,
    "drjit": run_drjit,
    "numba": run_numba,
    "taichi": run_taichi,
    "warp": run_warp,
    "numpy": run_numpy,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one-core", action="store_true")
    parser.add_argument("--results")
    parser.add_argument("cases", nargs="*")
    given = parser.parse_intermixed_args()
    if given.one_core:  # before a peer counts the cores
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from importlib.metadata import version

    who = given.peer
    package = {"warp": "warp-lang"}.get(who, who)
    print(json.dumps({"peer": who, "version": version(package)}), flush=True)
    PEERS[who](Cases(who, given.quick, given.cases, given.one_core, given.results))


if __name__ == "__main__":
    main()
