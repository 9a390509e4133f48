"""The order of every splitting of any two exact flows, where T is no quadratic.

  splitting_digits.py TABLE

H = sqrt(1 + p^2) + q^2/2 + q^4/4 in 34 digits, with the coefficients as the table has them, in 25:
methods of order 8 and 10 show their order here from errors of 1e-13 and 1e-15 on, where long double
and coefficients in double already end. Slopes at a step ratio of 1.5, in a stated window of errors.
"""
import re
import sys
from decimal import Decimal, getcontext

getcontext().prec = 34
WINDOW = {2: (1e-7, 1e-4), 4: (1e-10, 1e-7), 6: (1e-13, 1e-9), 8: (1e-17, 1e-13), 10: (1e-20, 1e-15)}
TIME = Decimal("7.3")


def rows(path):
    """(name, order, kick, drift, kick, ..., kick) of each composition and two-way row."""
    pattern = re.compile(r'\{"(\w+)", (\d+), Variant::(kComposition|kTwoWay), (\d+), \{([^}]*)\}')
    for name, order, variant, stages, numbers in pattern.findall(open(path).read()):
        half, stages = [Decimal(x) for x in numbers.split(",")], int(stages)
        if variant == "kComposition":
            gamma = half + [half[stages - 1 - k] for k in range(len(half), stages)]
            kicks = [a + b for a, b in zip([Decimal(0)] + gamma, gamma + [Decimal(0)])]
            step = [x for pair in zip(kicks, gamma + [None]) for x in pair][:-1]
            step[::2] = [x / 2 for x in step[::2]]
        else:
            step = half + [half[2 * stages - k] for k in range(len(half), 2 * stages + 1)]
        yield name, int(order), step


def end(step, n):
    h, q, p = TIME / n, Decimal("0.8"), Decimal("0.3")
    moves = [c * h for c in step]
    for _ in range(n):
        for k, c in enumerate(moves):
            if k % 2 == 0:
                p -= c * (q * q * q + q)
            else:
                q += c * p / (1 + p * p).sqrt()
    return q, p


def main():
    table = list(rows(sys.argv[1]))
    exact = end(next(step for _, order, step in table if order == 10), 1200)
    failed = False
    seen = set()

    def error(step, n):
        q, p = end(step, n)
        return float(((q - exact[0]) ** 2 + (p - exact[1]) ** 2).sqrt())

    for name, order, step in table:
        low, high = WINDOW[order]
        n = 16
        while (before := error(step, n)) > high:
            n += n // 4
        more = n * 3 // 2
        after = error(step, more)
        ratio = Decimal(before / after).ln() / (Decimal(more) / n).ln()
        good = abs(float(ratio) - order) <= 0.1 and low < after
        print(f"{name}: order {ratio:.3f}, {n} and {more} steps, errors {before:.2g} and {after:.2g}"
              + ("" if good else "  <- expected " + str(order)))
        failed |= not good
        seen.add(order)
    if seen != set(WINDOW):
        print("rows of orders", sorted(seen), "were read, of", sorted(WINDOW))
        failed = True
    sys.exit(failed)


main()
