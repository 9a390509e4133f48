"""Runs the programs of this folder in turn, and prints the table of docs/peer_tasks.md.

    python bench/peer_tasks/compare.py [--rounds 5] [--write] [CASE...]

Run by bench/run_peer_tasks, which installs what it needs. Every round of a case is a process of its own.
There each program is loaded and called once, which compiles it; then they are called in turn. Rounds
alternate who comes first. CASE is the start of a case's name.
"""

import argparse
import ast
import importlib
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time
import tokenize

import numpy as np
import tasks

HERE = pathlib.Path(__file__).resolve().parent
PAGE = tasks.ROOT / "docs" / "peer_tasks.md"
WIDTH = 100
US = "Cotangent"


def lines(path):
    """Of a program: those with code on them; blank ones, comments and docstrings do not count."""
    with open(path, "rb") as file:
        tokens = list(tokenize.tokenize(file.readline))
    blank = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
             tokenize.ENCODING, tokenize.ENDMARKER}  # fmt: skip
    code = {k for t in tokens if t.type not in blank for k in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            code -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(code)


def leaves(answer):
    """The arrays of nested tuples, in NumPy's memory, so computed."""
    if isinstance(answer, (tuple, list)):
        return [leaf for part in answer for leaf in leaves(part)]
    return [np.asarray(answer)]


def off(got, right):
    """How far arrays are from others, over the largest of each; `right` may have fewer rows."""
    rows = [g[: len(r)] if np.ndim(r) else g for g, r in zip(got, right)]
    return max(float(np.max(np.abs(g - r)) / np.max(np.abs(r))) for g, r in zip(rows, right))


def a_round(case, reverse):
    """One process: first calls, then calls in turn for some seconds. Prints JSON."""
    importlib.import_module("cotangent")
    importlib.import_module("jax")
    if "diffrax" in case.programs:
        importlib.import_module("diffrax")
        importlib.import_module("optax")
    right = case.right()
    order = list(case.programs)[:: -1 if reverse else 1]
    calls, answers, first = {}, {}, {}
    for who in order:
        began = time.perf_counter()
        call = case.prepare(importlib.import_module(case.programs[who]))
        answers[who] = leaves(call())
        first[who] = time.perf_counter() - began
        calls[who] = call
    steady = {who: [] for who in order}
    began = time.perf_counter()
    while len(steady[US]) < 5 or time.perf_counter() - began < 3:
        for who in order:
            start = time.perf_counter()
            leaves(calls[who]())
            steady[who].append(time.perf_counter() - start)
    print(json.dumps({
        "first": first, "steady": {who: min(times) for who, times in steady.items()},
        "error": {who: off(answers[who], right) for who in order},
        "apart": off(answers[US], answers["JAX"]),
    }))  # fmt: skip


def measure(case, rounds):
    records = []
    for k in range(rounds):
        done = subprocess.run(
            [sys.executable, __file__, "--round", case.name, *(["--reverse"] if k % 2 else [])],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "COTANGENT_CACHE": "off"},
        )  # fmt: skip
        if done.returncode != 0:
            sys.exit(f"{case.name} failed")
        records.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{case.name}, round {k + 1} of {rounds}: {records[-1]}", file=sys.stderr, flush=True)
    return {
        what: {who: of(r[what][who] for r in records) for who in case.programs}
        for what, of in (("first", statistics.median), ("steady", min), ("error", max))
    } | {"apart": max(r["apart"] for r in records)}


def seconds(t):
    for unit, size in (("s", 1), ("ms", 1e-3)):
        if t >= size:
            return f"{t / size:.3g} {unit}"
    return f"{t / 1e-6:.3g} us"


def row(case, found, count):
    """Of the table, and what is missed."""
    missed = []
    cells = [case.name, str(count[US])]
    ours = {what: found[what][US] for what in ("first", "steady")}
    others = [who for who in ("diffrax", "JAX")]
    for who in others:
        cells.append(str(count[who]) if who in count else "")
    for what in ("first", "steady"):
        cells.append(seconds(ours[what]))
        for who in others:
            cells.append(f"{found[what][who] / ours[what]:.3g}" if who in count else "")
    cells += [f"{found['error'][US]:.1e}"]
    cells += [f"{found['error'][who]:.1e}" if who in count else "" for who in others]
    for who in others:
        if who not in count:
            continue
        if count[who] < count[US]:
            missed.append(f"{case.name}: {who} has {count[who]} lines, we have {count[US]}")
        for what in ("first", "steady"):
            if found[what][who] < ours[what]:
                missed.append(f"{case.name}: the {what} call of {who} is faster")
    for who, error in found["error"].items():
        if not error <= case.tolerance:
            missed.append(f"{case.name}: {who} is off by {error:.2g}, over {case.tolerance:g}")
    if not found["apart"] <= 1e-7:
        missed.append(f"{case.name}: the same method in JAX differs by {found['apart']:.2g}")
    return "| " + " | ".join(cells) + " |", missed


HEAD = """\
| task | lines | diffrax | JAX | first call | diffrax | JAX | later calls | diffrax | JAX | error | diffrax | JAX |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def processor():
    found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.processor()


def main():
    parser = argparse.ArgumentParser(prog="bench/run_peer_tasks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="the table into docs/peer_tasks.md")
    parser.add_argument("--round", help=argparse.SUPPRESS)
    parser.add_argument("--reverse", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*")
    given = parser.parse_args()
    if given.round:
        return a_round(next(c for c in tasks.CASES if c.name == given.round), given.reverse)
    files = sorted({HERE / f"{p}.py" for c in tasks.CASES for p in c.programs.values()})
    subprocess.run([sys.executable, "-m", "black", "--check", "-q", "-l", str(WIDTH), *files], check=True)
    table, missed = [HEAD], []
    for case in tasks.CASES:
        if given.cases and not any(case.name.startswith(start) for start in given.cases):
            continue
        count = {who: lines(HERE / f"{module}.py") for who, module in case.programs.items()}
        text, misses = row(case, measure(case, given.rounds), count)
        table.append(text)
        missed += misses
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("jax", "diffrax", "optax"))
    table.append(f"\n{given.rounds} rounds; {versions}; {len(os.sched_getaffinity(0))} threads of "
                 f"{processor()}; Python {platform.python_version()}.")  # fmt: skip
    print("\n".join(table))
    print("\n".join(missed) or "all bars met")
    if given.write and not given.cases:
        page = PAGE.read_text(encoding="utf-8")
        head, _, rest = page.partition("<!-- table -->\n")
        _, _, tail = rest.partition("<!-- end -->")
        PAGE.write_text(head + "<!-- table -->\n" + "\n".join(table) + "\n<!-- end -->" + tail, encoding="utf-8")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
