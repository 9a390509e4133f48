#!/usr/bin/env python3
"""Coefficients of the polynomials in cotangent/transform/expand_math*.cpp.

Each polynomial p approximates g on an interval of z so that the error of the whole function, relative to
its value, is nearly minimal: p interpolates g at the Chebyshev nodes (within a factor of about two of
the best in these ranges), coefficients are rounded from the lowest up, and the largest error is then
measured on a dense grid with the rounded coefficients. Needs mpmath.

    tools/minimax.py > cotangent/transform/math_coefficients.h
"""
import mpmath as mp
import struct

mp.mp.dps = 60


def round_f64(x):
    return mp.mpf(float(x))


def round_f32(x):
    return mp.mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def interpolate(g, a, b, n):
    """Coefficients (lowest first) of the polynomial of degree n through Chebyshev nodes of [a, b]."""
    nodes = [(a + b) / 2 + (b - a) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n + 2)) for k in range(n + 1)]
    m = mp.matrix(n + 1, n + 1)
    for i, t in enumerate(nodes):
        for j in range(n + 1):
            m[i, j] = t ** j
    return [c for c in mp.lu_solve(m, mp.matrix([g(t) for t in nodes]))]


def horner(c, z):
    s = mp.mpf(0)
    for x in reversed(c):
        s = s * z + x
    return s


def emit(name, doc, g, weight, a, b, n, f32=False):
    """weight(z): how much an error of p at z matters, relative to the function's value."""
    rounded = round_f32 if f32 else round_f64
    c = [rounded(x) for x in interpolate(g, mp.mpf(a), mp.mpf(b), n)]
    worst = mp.mpf(0)
    for k in range(2001):
        z = mp.mpf(a) + (mp.mpf(b) - mp.mpf(a)) * k / 2000
        if z == 0:
            z = mp.mpf(b) * mp.mpf(10) ** -12
        worst = max(worst, abs((horner(c, z) - g(z)) * weight(z)))
    print(f"/// {doc}; error {mp.nstr(worst, 2)} of the function's value.")
    kind = "float" if f32 else "double"
    suffix = "f" if f32 else ""
    print(f"inline constexpr {kind} {name}[] = {{")
    for x in c:
        text = float(x).hex()
        print(f"    {text}{suffix},")
    print("};\n")


def series(terms):
    """sum of terms(k) while they matter, for values near zero of cancelling expressions."""
    s, k = mp.mpf(0), 0
    while True:
        t = terms(k)
        s += t
        k += 1
        if abs(t) < mp.mpf(10) ** -55 * max(abs(s), mp.mpf(10) ** -30) or k > 400:
            return s


def exp_q(r):  # (e^r - 1 - r) / r^2
    return series(lambda k: r ** k / mp.factorial(k + 2))


def sin_s(z):  # (sin r - r)/r^3
    return series(lambda k: (-1) ** (k + 1) * z ** k / mp.factorial(2 * k + 3))


def cos_c(z):  # (cos r - 1 + r^2/2)/r^4
    return series(lambda k: (-1) ** k * z ** k / mp.factorial(2 * k + 4))


def log_r(z):  # (log((1+s)/(1-s)) - 2s)/s / z : 2/3 + 2/5 z + ...
    return series(lambda k: 2 * z ** k / (2 * k + 3))


def log_r5(z):  # 2/5 + 2/7 z + ...
    return series(lambda k: 2 * z ** k / (2 * k + 5))


def atan_a(z):  # (atan t - t)/t^3
    return series(lambda k: (-1) ** (k + 1) * z ** k / (2 * k + 3))


def asin_a(z):  # (asin t - t)/t^3
    return series(lambda k: mp.binomial(2 * k + 2, k + 1) / (mp.mpf(4) ** (k + 1) * (2 * k + 3)) * z ** k)


def erf_e(z):  # (erf x)/x - 2/sqrt(pi), over z
    return series(lambda k: 2 / mp.sqrt(mp.pi) * (-1) ** (k + 1) * z ** k / (mp.factorial(k + 1) * (2 * k + 3)))


def sinh_s(z):  # (sinh t - t)/t^3
    return series(lambda k: z ** k / mp.factorial(2 * k + 3))


def tanh_t(z):  # (tanh t - t)/t^3
    return series(lambda k: mp.mpf(2) ** (2 * k + 4) * (mp.mpf(2) ** (2 * k + 4) - 1)
                  * mp.bernoulli(2 * k + 4) / mp.factorial(2 * k + 4) * z ** k)


def table(name, doc, f, first, width, count, degree):
    """Piecewise polynomials of f about the centres of `count` intervals; one row a degree."""
    rows, worst = [], mp.mpf(0)
    for k in range(count):
        centre = first + width * (k + mp.mpf(1) / 2)
        c = [round_f64(x) for x in interpolate(lambda t: f(centre + t), -width / 2, width / 2, degree)]
        for j in range(41):
            t = -width / 2 + width * j / 40
            worst = max(worst, abs(horner(c, t) / f(centre + t) - 1))
        rows.append(c)
    print(f"/// {doc}; error {mp.nstr(worst, 2)} of the function's value.")
    print(f"inline constexpr double {name}[{degree + 1}][{count}] = {{")
    for d in range(degree + 1):
        print("    {" + ", ".join(float(rows[k][d]).hex() for k in range(count)) + "},")
    print("};\n")


def main():
    print("// Written by tools/minimax.py; do not edit. Lowest coefficient first.")
    print("#pragma once\n\nnamespace cotangent::transform::coefficients {\n")
    ln2 = mp.log(2) / 2 * mp.mpf("1.0001")
    emit("kExp", "(e^r - 1 - r)/r^2, |r| <= ln(2)/2", exp_q, lambda r: r * r / mp.exp(r), -ln2, ln2, 10)
    emit("kExpF", "the same in f32", exp_q, lambda r: r * r / mp.exp(r), -ln2, ln2, 4, True)
    emit("kExpm1", "the same, for e^r - 1", exp_q, lambda r: r * r / mp.expm1(r) if r else 0, -ln2, ln2, 11)
    emit("kExpm1F", "the same in f32", exp_q, lambda r: r * r / mp.expm1(r) if r else 0, -ln2, ln2, 5, True)
    q = (mp.pi / 4) ** 2 * mp.mpf("1.0001")
    emit("kSin", "(sin r - r)/r^3 in z = r^2, |r| <= pi/4", sin_s,
         lambda z: mp.sqrt(z) ** 3 / mp.sin(mp.sqrt(z)), 0, q, 5)
    emit("kCos", "(cos r - 1 + r^2/2)/r^4 in z = r^2, |r| <= pi/4", cos_c,
         lambda z: z * z / mp.cos(mp.sqrt(z)), 0, q, 5)
    emit("kSinF", "the first in f32", sin_s, lambda z: mp.sqrt(z) ** 3 / mp.sin(mp.sqrt(z)), 0, q, 3, True)
    emit("kCosF", "the second in f32", cos_c, lambda z: z * z / mp.cos(mp.sqrt(z)), 0, q, 2, True)
    s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
    z = s * s * mp.mpf("1.001")
    emit("kLog", "(log((1+s)/(1-s)) - 2s)/s^3 in z = s^2, |s| <= 0.1716", log_r, lambda z: z / 2, 0, z, 7)
    emit("kLogF", "the same in f32", log_r, lambda z: z / 2, 0, z, 3, True)
    emit("kLogTail", "(log((1+s)/(1-s)) - 2s - 2s^3/3)/s^5 in z = s^2", log_r5, lambda z: z * z / 2, 0, z, 7)
    t = mp.tan(mp.pi / 8) ** 2 * mp.mpf("1.001")
    emit("kAtan", "(atan t - t)/t^3 in z = t^2, |t| <= tan(pi/8)", atan_a,
         lambda z: mp.sqrt(z) ** 3 / mp.atan(mp.sqrt(z)), 0, t, 11)
    emit("kAsin", "(asin t - t)/t^3 in z = t^2, |t| <= 1/2", asin_a,
         lambda z: mp.sqrt(z) ** 3 / mp.asin(mp.sqrt(z)), 0, mp.mpf("0.2501"), 12)
    emit("kErf", "(erf(x)/x - 2/sqrt(pi))/z in z = x^2, |x| <= 1/2", erf_e,
         lambda z: mp.sqrt(z) * z / mp.erf(mp.sqrt(z)), 0, mp.mpf("0.2501"), 9)
    emit("kSinh", "(sinh t - t)/t^3 in z = t^2, |t| <= 1", sinh_s,
         lambda z: mp.sqrt(z) ** 3 / mp.sinh(mp.sqrt(z)), 0, mp.mpf("1.0001"), 7)
    emit("kTanh", "(tanh t - t)/t^3 in z = t^2, |t| <= 1/2", tanh_t,
         lambda z: mp.sqrt(z) ** 3 / mp.tanh(mp.sqrt(z)), 0, mp.mpf("0.2501"), 10)
    table("kErfTable", "erf about the centres of [1/2, 6] cut into 22 intervals", mp.erf,
          mp.mpf("0.5"), mp.mpf("0.25"), 22, 11)
    emit("kCbrt", "m^(-1/3), 1 <= m < 8, in m", lambda m: m ** (mp.mpf(-1) / 3), lambda m: m ** (mp.mpf(1) / 3),
         1, 8, 6)
    print("}  // namespace cotangent::transform::coefficients")


if __name__ == "__main__":
    main()
