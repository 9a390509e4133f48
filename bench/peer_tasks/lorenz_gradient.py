"""How the height z of Lorenz's system in the end depends on the start and on the parameters."""

import cotangent as ct


def rates(x, parameters):
    sigma, rho, beta = parameters
    return ct.stack([sigma * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - beta * x[2]])


def height(start, parameters):
    def rk4(i, x, h=0.005):
        a = rates(x, parameters)
        b = rates(x + h / 2 * a, parameters)
        c = rates(x + h / 2 * b, parameters)
        return x + h / 6 * (a + 2 * b + 2 * c + rates(x + h * c, parameters))

    return ct.fori_loop(0, 1000, rk4, start)[2]


gradient = ct.jit(ct.value_and_grad(height, (0, 1)))
gradients = ct.jit(ct.vmap(ct.value_and_grad(height, (0, 1)), (0, None)))
