"""How the height z of Lorenz's system in the end depends on the start and on the parameters."""

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def rates(x, parameters):
    sigma, rho, beta = parameters
    return jnp.stack([sigma * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - beta * x[2]])


def height(start, parameters):
    def rk4(i, x, h=0.005):
        a = rates(x, parameters)
        b = rates(x + h / 2 * a, parameters)
        c = rates(x + h / 2 * b, parameters)
        return x + h / 6 * (a + 2 * b + 2 * c + rates(x + h * c, parameters))

    return jax.lax.fori_loop(0, 1000, rk4, start)[2]


gradient = jax.jit(jax.value_and_grad(height, (0, 1)))
gradients = jax.jit(jax.vmap(jax.value_and_grad(height, (0, 1)), (0, None)))
