#!/usr/bin/env python3
"""Coefficients of the polynomials in cotangent/transform/math_*.cpp.

Each polynomial p approximates g on an interval of z so that the largest error of the whole
function, relative to its value, is least: Remez's exchange (1934) on a dense grid. The lowest
coefficient is then rounded to the type and the rest fitted again, and so on upwards, so that what
rounding does to one is made good by those that follow (where that is worse, about an interior zero,
all are rounded at once). The error in each comment is measured with the rounded coefficients.
Needs mpmath.

    tools/minimax.py > cotangent/transform/math_coefficients.h
"""
import mpmath as mp
import struct

mp.mp.dps = 60


def round_f64(x):
    return mp.mpf(float(x))


def round_f32(x):
    return mp.mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def horner(c, z):
    s = mp.mpf(0)
    for x in reversed(c):
        s = s * z + x
    return s


def remez(xs, g, w, n):
    """The p of degree n with the least max of w |p - g| over the grid xs (ascending; w >= 0)."""
    last = len(xs) - 1
    a, b = xs[0], xs[-1]
    at = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (k + mp.mpf("0.37")) / (n + 2)) for k in range(n + 2)]
    ref = [min(range(last + 1), key=lambda k: abs(xs[k] - x)) for x in at]
    best = None
    for _ in range(25):
        m, r = mp.matrix(n + 2, n + 2), mp.matrix(n + 2, 1)
        for row, k in enumerate(ref):
            for j in range(n + 1):
                m[row, j] = w[k] * xs[k] ** j
            m[row, n + 1] = (-1) ** row
            r[row] = w[k] * g[k]
        solution = mp.lu_solve(m, r)
        c, level = [solution[j] for j in range(n + 1)], abs(solution[n + 1])
        error = [w[k] * (horner(c, xs[k]) - g[k]) for k in range(last + 1)]
        worst = max(abs(e) for e in error)
        if best is None or worst < best[1]:
            best = (c, worst)
        if worst <= level * mp.mpf("1.001"):
            break
        # The largest error of each run of one sign; the outermost go while there are too many.
        ref, k = [], 0
        while k <= last:
            positive, top = error[k] >= 0, k
            while k <= last and (error[k] >= 0) == positive:
                if abs(error[k]) > abs(error[top]):
                    top = k
                k += 1
            ref.append(top)
        while len(ref) > n + 2:
            ref.pop(0 if abs(error[ref[0]]) < abs(error[ref[-1]]) else -1)
        if len(ref) < n + 2:
            break
    return best[0]


def fit(g, weight, a, b, n, rounded):
    """Rounded coefficients, lowest first, and the largest weighted error they leave."""
    a, b, count = mp.mpf(a), mp.mpf(b), 400
    xs = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (k + mp.mpf("0.003")) / (count + mp.mpf("0.006")))
          for k in range(count + 1)]
    g0 = [g(x) for x in xs]
    w0 = [abs(weight(x)) for x in xs]
    first = remez(xs, g0, w0, n)
    at_once, stepwise, left, w = [rounded(x) for x in first], [rounded(first[0])], list(g0), list(w0)
    for degree in range(n - 1, -1, -1):
        left = [(v - stepwise[-1]) / x for v, x in zip(left, xs)]
        w = [v * abs(x) for v, x in zip(w, xs)]
        stepwise.append(rounded(remez(xs, left, w, degree)[0]))
    worst = [max(v * abs(horner(c, x) - y) for x, y, v in zip(xs, g0, w0)) for c in (at_once, stepwise)]
    return (at_once, worst[0]) if worst[0] < worst[1] else (stepwise, worst[1])


def emit(name, doc, g, weight, a, b, n, f32=False):
    """weight(z): how much an error of p at z matters, relative to the function's value."""
    c, worst = fit(g, weight, a, b, n, round_f32 if f32 else round_f64)
    print(f"/// {doc}; error {mp.nstr(worst, 2)} of the function's value.")
    kind = "float" if f32 else "double"
    suffix = "f" if f32 else ""
    print(f"inline constexpr {kind} {name}[] = {{")
    for x in c:
        text = float(x).hex()
        print(f"    {text}{suffix},")
    print("};\n")


def emit_first_in_two(name, doc, g, a, b, n, f32=False):
    """The lowest coefficient as a sum of two doubles, then the others: for an interval around 0, where
    no other coefficient makes good what rounding does to the first."""
    a, b = mp.mpf(a), mp.mpf(b)
    xs = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (k + mp.mpf("0.003")) / mp.mpf("400.006")) for k in range(401)]
    values = [g(x) for x in xs]
    first = remez(xs, values, [1 / v for v in values], n)[0]
    high = mp.mpf(float(first))
    suffix = "F" if f32 else ""
    print(f"/// {doc}: the first coefficient.")
    print(f"inline constexpr double {name}First{suffix}[] = {{{float(high).hex()}, {float(first - high).hex()}}};\n")
    emit(name + suffix, "its other coefficients", lambda t: (g(t) - first) / t, lambda t: t / g(t), a, b, n - 1, f32)


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


def main():
    print("// Written by tools/minimax.py; do not edit. Lowest coefficient first.")
    print("#pragma once\n\nnamespace cotangent::transform::coefficients {\n")
    ln2 = mp.log(2) / 2 * mp.mpf("1.0001")
    emit("kExp", "(e^r - 1 - r)/r^2, |r| <= ln(2)/2", exp_q, lambda r: r * r / mp.exp(r), -ln2, ln2, 10)
    emit("kExpF", "the same in f32", exp_q, lambda r: r * r / mp.exp(r), -ln2, ln2, 4, True)
    emit("kExpm1", "the same, for e^r - 1", exp_q, lambda r: r * r / mp.expm1(r) if r else 0, -ln2, ln2, 10)
    emit("kExpm1F", "the same in f32", exp_q, lambda r: r * r / mp.expm1(r) if r else 0, -ln2, ln2, 5, True)
    q = (mp.pi / 4) ** 2 * mp.mpf("1.0001")
    qf = (mp.pi / 4) ** 2 * mp.mpf("1.02")  # the nearest multiple of pi/2 is found in f32
    emit("kSin", "(sin r - r)/r^3 in z = r^2, |r| <= pi/4", sin_s,
         lambda z: mp.sqrt(z) ** 3 / mp.sin(mp.sqrt(z)), 0, q, 5)
    emit("kCos", "(cos r - 1 + r^2/2)/r^4 in z = r^2, |r| <= pi/4", cos_c,
         lambda z: z * z / mp.cos(mp.sqrt(z)), 0, q, 5)
    emit("kSinF", "the first in f32", sin_s, lambda z: mp.sqrt(z) ** 3 / mp.sin(mp.sqrt(z)), 0, qf, 3, True)
    emit("kCosF", "the second in f32", cos_c, lambda z: z * z / mp.cos(mp.sqrt(z)), 0, qf, 2, True)
    s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
    z = s * s * mp.mpf("1.001")
    emit("kLog", "(log((1+s)/(1-s)) - 2s)/s^3 in z = s^2, |s| <= 0.1716", log_r, lambda z: z / 2, 0, z, 6)
    emit("kLogF", "the same in f32", log_r, lambda z: z / 2, 0, z, 2, True)
    emit("kLogTail", "(log((1+s)/(1-s)) - 2s - 2s^3/3)/s^5 in z = s^2", log_r5, lambda z: z * z / 2, 0, z, 6)
    emit("kLogTailF", "the same in f32", log_r5, lambda z: z * z / 2, 0, z, 2, True)
    t = mp.tan(mp.pi / 8) ** 2 * mp.mpf("1.001")
    emit("kAtan", "(atan t - t)/t^3 in z = t^2, |t| <= tan(pi/8)", atan_a,
         lambda z: mp.sqrt(z) ** 3 / mp.atan(mp.sqrt(z)), 0, t, 10)
    emit("kAtanF", "the same in f32", atan_a,
         lambda z: mp.sqrt(z) ** 3 / mp.atan(mp.sqrt(z)), 0, t, 4, True)
    emit("kAsin", "(asin t - t)/t^3 in z = t^2, |t| <= 1/2", asin_a,
         lambda z: mp.sqrt(z) ** 3 / mp.asin(mp.sqrt(z)), 0, mp.mpf("0.2501"), 11)
    emit("kAsinF", "the same in f32", asin_a,
         lambda z: mp.sqrt(z) ** 3 / mp.asin(mp.sqrt(z)), 0, mp.mpf("0.2501"), 4, True)
    emit("kErf", "(erf(x)/x - 2/sqrt(pi))/z in z = x^2, |x| <= 1", erf_e,
         lambda z: mp.sqrt(z) * z / mp.erf(mp.sqrt(z)), 0, mp.mpf("1.0001"), 10)
    emit("kErfF", "the same in f32", erf_e,
         lambda z: mp.sqrt(z) * z / mp.erf(mp.sqrt(z)), 0, mp.mpf("1.0001"), 5, True)
    emit("kSinh", "(sinh t - t)/t^3 in z = t^2, |t| <= 1", sinh_s,
         lambda z: mp.sqrt(z) ** 3 / mp.sinh(mp.sqrt(z)), 0, mp.mpf("1.0001"), 6)
    emit("kSinhF", "the same in f32", sinh_s,
         lambda z: mp.sqrt(z) ** 3 / mp.sinh(mp.sqrt(z)), 0, mp.mpf("1.0001"), 3, True)
    emit("kTanh", "(tanh t - t)/t^3 in z = t^2, |t| <= 0.55", tanh_t,
         lambda z: mp.sqrt(z) ** 3 / mp.tanh(mp.sqrt(z)), 0, mp.mpf("0.3026"), 10)
    emit("kTanhF", "the same in f32", tanh_t,
         lambda z: mp.sqrt(z) ** 3 / mp.tanh(mp.sqrt(z)), 0, mp.mpf("0.3026"), 5, True)
    def erfc_e(a):  # e^(a^2) erfc(a)
        return mp.exp(a * a) * mp.erfc(a)

    a = lambda t: 3 * (1 + t) / (1 - t)
    emit("kErfOne", "e^(a^2) erfc(a) in t = (a - 3)/(a + 3), 1 <= a <= 6",
         lambda t: erfc_e(a(t)), lambda t: mp.exp(-a(t) ** 2) / mp.erf(a(t)), mp.mpf(-1) / 2, mp.mpf(1) / 3, 11)
    emit("kErfOneF", "the same in f32, 1 <= a <= 4", lambda t: erfc_e(a(t)),
         lambda t: mp.exp(-a(t) ** 2) / mp.erf(a(t)), mp.mpf(-1) / 2, mp.mpf(1) / 7, 6, True)
    g = lambda t: (1 + 2 * a(t)) * erfc_e(a(t))
    where = lambda x: (mp.mpf(x) - 3) / (mp.mpf(x) + 3)
    emit_first_in_two("kErfc", "(1 + 2a) e^(a^2) erfc(a) in t = (a - 3)/(a + 3), 0.5 <= a <= 27.3",
                      g, where("0.499"), where("27.3"), 20)
    emit_first_in_two("kErfc", "the same in f32, 0.5 <= a <= 10.1", g, where("0.499"), where("10.1"), 9, True)
    emit("kCbrt", "m^(-1/3), 1 <= m < 8, in m", lambda m: m ** (mp.mpf(-1) / 3), lambda m: m ** (mp.mpf(1) / 3),
         1, 8, 6)
    emit("kCbrtF", "the same in f32", lambda m: m ** (mp.mpf(-1) / 3), lambda m: m ** (mp.mpf(1) / 3),
         1, 8, 4, True)
    print("}  // namespace cotangent::transform::coefficients")


if __name__ == "__main__":
    main()
