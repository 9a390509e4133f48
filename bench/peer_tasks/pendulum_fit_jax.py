"""The length and the damping of a pendulum, from noisy angles."""

import jax
import jax.numpy as jnp
import optax

jax.config.update("jax_enable_x64", True)


def rates(y, unknown):
    length, damping = unknown
    return jnp.stack([y[1], -9.81 / length * jnp.sin(y[0]) - damping * y[1]])


@jax.jit
def fit(times, angles):
    h = (times[1] - times[0]) / 3
    adam = optax.adam(0.02)

    def misfit(unknown):
        def rk4(i, y):
            a = rates(y, unknown)
            b = rates(y + h / 2 * a, unknown)
            c = rates(y + h / 2 * b, unknown)
            return y + h / 6 * (a + 2 * b + 2 * c + rates(y + h * c, unknown))

        def advance(y, angle):
            return jax.lax.fori_loop(0, 3, rk4, y), (y[0] - angle) ** 2

        return jnp.mean(jax.lax.scan(advance, jnp.array([1.0, 0.0]), angles)[1])

    def improve(k, fitted):
        unknown, state = fitted
        updates, state = adam.update(jax.grad(misfit)(unknown), state)
        return optax.apply_updates(unknown, updates), state

    start = jnp.array([0.8, 0.0])
    return jax.lax.fori_loop(0, 500, improve, (start, adam.init(start)))[0]
