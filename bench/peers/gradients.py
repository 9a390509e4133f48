"""The gradient of 4,096 pushed cartpoles in other compilers, each by the ways its users would take.

A lane is `pushed_cartpole` of bench/systems.h: 1,000 steps of a cartpole, each with a push of its
own; its value is the sum of the squares of the last state. Wanted are the values and their
gradients by the pushes. A function here takes the type and the number of cores, and returns its
ways by name: a call that makes both, and one that gives the gradient [LANES, STEPS] it made.
Arrays lie in the order that suits the peer, and are filled before the clock starts.
"""

import numpy as np

STEPS, LANES = 1000, 4096


def start(dtype):
    """The same numbers that bench/suite.cpp fills in: 4 x [LANES], and pushes [LANES, STEPS]."""
    n = np.arange(LANES)
    pushes = 0.1 + 0.013 * 4 + 1e-4 * (np.arange(LANES * STEPS).reshape(LANES, STEPS) % 997)
    return [(0.1 + 0.013 * k + 1e-4 * (n % 997)).astype(dtype) for k in range(4)], pushes.astype(dtype)


def jax(dtype, cores, cartpole):
    import jax
    import jax.numpy as jnp
    from jax.sharding import NamedSharding, PartitionSpec

    state, pushes = start(dtype)

    def step(s, u):
        x, v, a, w = cartpole(s, jnp)
        return [x, v + 0.02 * u, a, w], None

    # Time first, so that a step reads a row. Lanes do not mix: the gradient of the sum is theirs.
    def end(u, s):
        last, _ = jax.lax.scan(step, s, u)
        values = sum(x * x for x in last)
        return values.sum(), values

    def both(u, s):
        (_, values), gradient = jax.value_and_grad(end, has_aux=True)(u, s)
        return values, gradient

    def way(f, u, s):
        f = jax.jit(f)
        return lambda: jax.block_until_ready(f(u, s)), lambda: np.asarray(f(u, s)[1]).T

    u, s = jnp.asarray(pushes.T.copy()), [jnp.asarray(x) for x in state]
    ways = {"scan": way(both, u, s)}
    if cores > 1:  # lanes shared among devices, one a core
        mesh = jax.make_mesh((cores,), ("lanes",))
        lanes, rows = PartitionSpec("lanes"), PartitionSpec(None, "lanes")
        shared = jax.shard_map(
            both, mesh=mesh, in_specs=(rows, lanes), out_specs=(lanes, rows), check_vma=False
        )
        u, s = jax.device_put(u, NamedSharding(mesh, rows)), jax.device_put(s, NamedSharding(mesh, lanes))
        ways["scan, lanes shared"] = way(shared, u, s)
    return ways


def drjit(dtype, cores, cartpole):
    import drjit as dr
    from drjit.llvm import Float32, Float64, UInt32, ad

    Real, Active = (Float64, ad.Float64) if dtype == np.float64 else (Float32, ad.Float32)
    state, pushes = start(dtype)
    s, u, lane = [Real(x) for x in state], Real(pushes.T.copy().ravel()), dr.arange(UInt32, LANES)
    dr.eval(s, u, lane)

    def push(x, v, a, w, p):
        x, v, a, w = cartpole([x, v, a, w], dr)
        return x, v + 0.02 * p, a, w

    # Dr.Jit's own derivative of a symbolic loop; it keeps the states in memory.
    def loop():
        at = Active(u)
        dr.enable_grad(at)

        def body(i, *now):
            return i + 1, *push(*now, dr.gather(Active, at, i * LANES + ad.UInt32(lane)))

        first = (ad.UInt32(0), *[Active(x) for x in s])
        last = dr.while_loop(
            first, lambda i, *_: i < STEPS, body, mode="symbolic", max_iterations=STEPS
        )
        values = sum(x * x for x in last[1:])
        dr.backward(values)
        return values, dr.grad(at)

    # The loop and its reverse written out, the derivative of a step by Dr.Jit; one kernel, states in
    # arrays of a thread's own. Frozen, so that Python does not trace it again.
    @dr.freeze
    def written_out(s, u, lane):
        def forward(i, *rest):
            now, kept = rest[:4], rest[4:]
            for array, x in zip(kept, now):
                array[i] = x
            return i + 1, *push(*now, dr.gather(Real, u, i * LANES + lane)), *kept

        kept = [dr.alloc_local(Real, STEPS) for _ in range(4)]
        last = dr.while_loop((UInt32(0), *s, *kept), lambda i, *_: i < STEPS, forward, mode="symbolic")
        gradient = dr.empty(Real, STEPS * LANES)

        def reverse(i, *rest):
            pull, kept = rest[:4], rest[4:]
            i = i - 1
            dr.scatter(gradient, 0.02 * pull[1], i * LANES + lane, mode=dr.ReduceMode.Permute)
            now = [Active(array[i]) for array in kept]
            dr.enable_grad(now)
            dr.backward_from(sum(x * Active(c) for x, c in zip(cartpole(now, dr), pull)))
            return i, *[dr.detach(dr.grad(x), preserve_type=False) for x in now], *kept

        pull = [2 * x for x in last[1:5]]
        back = dr.while_loop(
            (UInt32(STEPS), *pull, *last[5:]), lambda i, *_: i > 0, reverse, mode="symbolic"
        )
        return sum(x * x for x in last[1:5]), gradient, back[1:5]

    def way(f):
        def call():
            out = f()
            dr.eval(out)
            dr.sync_thread()
            return out

        return call, lambda: call()[1].numpy().reshape(STEPS, LANES).T

    return {
        "symbolic loop": way(loop),
        "reverse loop written out": way(lambda: written_out(s, u, lane)),
    }


def warp(dtype, cores):
    """Warp runs a launch on one thread of the CPU, one lane after the other."""
    from concurrent.futures import ThreadPoolExecutor

    import warp as wp

    Real = wp.float64 if dtype == np.float64 else wp.float32
    State = wp.types.vector(4, Real)
    steps = wp.constant(STEPS)
    # Numbers in a kernel are f32; these are not rounded.
    two, twentieth, tenth, half, h, g = (Real(x) for x in (2.0, 0.05, 0.1, 0.5, 0.02, 9.8))
    mass, share, length = Real(1.1), Real(0.05 / 1.1), Real(4.0 / 3)

    @wp.func
    def step(s: State, u: Real):
        v = s[1]
        a = s[2]
        w = s[3]
        sn = wp.sin(a)
        cs = wp.cos(a)
        temp = (twentieth * (w * w * sn) - two * a) / mass
        acc = (g * sn - cs * temp) / (half * (length - tenth * (cs * cs) / mass))
        xacc = temp - share * (acc * cs)
        return State(s[0] + h * v, v + h * xacc + h * u, a + h * w, w + h * acc)

    @wp.func
    def pulled(s: State, u: Real, pull: State):
        return wp.dot(step(s, u), pull)

    @wp.kernel(module="unique")
    def one_step(i: int, u: wp.array2d(dtype=Real), s: wp.array(dtype=State), to: wp.array(dtype=State)):
        n = wp.tid()
        to[n] = step(s[n], u[i, n])

    @wp.kernel(module="unique")
    def square(s: wp.array(dtype=State), values: wp.array(dtype=Real)):
        n = wp.tid()
        values[n] = wp.dot(s[n], s[n])

    # The loop and its reverse written out, the derivative of a step by Warp. Lanes of a launch run
    # one after the other, so they share what keeps the states of one, which stays in the cache.
    @wp.kernel(module="unique", enable_backward=False)
    def written_out(
        first: wp.array(dtype=State),
        u: wp.array2d(dtype=Real),
        kept: wp.array(dtype=State),
        values: wp.array(dtype=Real),
        gradient: wp.array2d(dtype=Real),
    ):
        n = wp.tid()
        s = first[n]
        for i in range(steps):
            kept[i] = s
            s = step(s, u[n, i])
        values[n] = wp.dot(s, s)
        pull = two * s
        for j in range(steps):
            i = steps - 1 - j
            by_state, by_push, by_pull = wp.grad(pulled)(kept[i], u[n, i], pull)
            gradient[n, i] = by_push
            pull = by_state

    state, pushes = start(dtype)
    first = wp.array(np.stack(state, axis=1), dtype=State)
    values = wp.zeros(LANES, dtype=Real, requires_grad=True)

    states = [wp.zeros(LANES, dtype=State, requires_grad=True) for _ in range(STEPS + 1)]
    states[0].assign(first)
    rows = wp.array(pushes.T.copy(), dtype=Real, requires_grad=True)
    ones, last = wp.ones(LANES, dtype=Real), {}

    def by_tape():
        if last:
            last["tape"].zero()
        last["tape"] = tape = wp.Tape()
        with tape:
            for i in range(STEPS):
                wp.launch(one_step, LANES, [i, rows, states[i], states[i + 1]])
            wp.launch(square, LANES, [states[STEPS], values])
        tape.backward(grads={values: ones})

    u = wp.array(pushes, dtype=Real)
    gradient = wp.zeros((LANES, STEPS), dtype=Real)
    bounds = [LANES * k // cores for k in range(cores + 1)]
    parts = [slice(a, b) for a, b in zip(bounds, bounds[1:])]
    inputs = [
        (p.stop - p.start, [first[p], u[p], wp.zeros(STEPS, dtype=State), values[p], gradient[p]])
        for p in parts
    ]
    threads = ThreadPoolExecutor(cores)

    def by_loop():
        if cores == 1:
            wp.launch(written_out, *inputs[0])
        else:
            list(threads.map(lambda x: wp.launch(written_out, *x), inputs))

    return {
        "tape of launches": (by_tape, lambda: rows.grad.numpy().T),
        "reverse loop written out": (by_loop, lambda: gradient.numpy()),
    }


def taichi(dtype, cores, ti, step):
    """Every state in memory: a loop over a local variable, by Taichi's stacks, crashes at 1,000 steps."""
    real = ti.f64 if dtype == np.float64 else ti.f32
    state, pushes = start(dtype)

    def fields(lanes_first):
        order = (lambda n, i: (n, i)) if lanes_first else (lambda n, i: (i, n))
        s = ti.Vector.field(4, real, shape=order(LANES, STEPS + 1), needs_grad=True)
        u = ti.field(real, shape=order(LANES, STEPS), needs_grad=True)
        first = np.zeros((*order(LANES, STEPS + 1), 4), dtype)
        first[order(slice(None), 0)] = np.stack(state, axis=1)
        s.from_numpy(first)
        u.from_numpy(pushes if lanes_first else pushes.T.copy())
        return s, u, ti.field(real, shape=LANES, needs_grad=True)

    def clear(s, u, values):
        s.grad.fill(0)
        u.grad.fill(0)
        values.grad.fill(1)

    rows, row_pushes, row_values = fields(False)

    @ti.kernel
    def one_step(i: ti.i32):
        for n in range(LANES):
            s = rows[i, n]
            x, v, a, w = step(s[0], s[1], s[2], s[3])
            rows[i + 1, n] = ti.Vector([x, v + 0.02 * row_pushes[i, n], a, w])

    @ti.kernel
    def square_row():
        for n in range(LANES):
            row_values[n] = rows[STEPS, n].dot(rows[STEPS, n])

    def by_launches():
        for i in range(STEPS):
            one_step(i)
        square_row()
        clear(rows, row_pushes, row_values)
        square_row.grad()
        for i in reversed(range(STEPS)):
            one_step.grad(i)
        ti.sync()

    lanes, lane_pushes, lane_values = fields(True)

    @ti.kernel
    def all_steps():
        for n in range(LANES):
            for i in range(STEPS):
                s = lanes[n, i]
                x, v, a, w = step(s[0], s[1], s[2], s[3])
                lanes[n, i + 1] = ti.Vector([x, v + 0.02 * lane_pushes[n, i], a, w])

    @ti.kernel
    def square_lane():
        for n in range(LANES):
            lane_values[n] = lanes[n, STEPS].dot(lanes[n, STEPS])

    def by_loop():
        all_steps()
        square_lane()
        clear(lanes, lane_pushes, lane_values)
        square_lane.grad()
        all_steps.grad()
        ti.sync()

    return {
        "a launch a step": (by_launches, lambda: row_pushes.grad.to_numpy().T),
        "loop in a kernel": (by_loop, lambda: lane_pushes.grad.to_numpy()),
    }
