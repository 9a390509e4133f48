"""Runs bench_suite and the peers, and prints the table that bench/run promises."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PEERS = ["jax", "drjit", "taichi", "warp", "numba", "torch", "numpy"]
PACKAGES = {"warp": "warp-lang"}  # where PyPI has another name for it

# Least ratio of a peer's time to ours, by the start of a case's name and the peer ("*": the best
# peer of all but hand-written C++; "bound": what the machine allows, see suite.cpp).
BARS = [
    ("logistic", "hand-written C++", 0.95),
    ("carries60", "*", 1.0),
    ("carries60", "jax", 5.0),
    ("gradient-carries60", "jax", 5.0),
    ("gradient-cartpole", "*", 1.0),
    ("lanes-", "*", 1.0),
    ("lanes-", "drjit", 1.5),
    ("lanes-", "jax", 10.0),
    ("one-", "hand-written C++", 0.9),
    ("triad", "hand-written C++", 0.9),
    ("chain", "hand-written C++", 0.9),
    ("stencil", "bound", 0.8),
    ("gravity-", "bound", 0.7),
    ("kepler-f32-compensated", "in f64", 1.6),
    ("matmul-", "*", 1.0),
    ("cold-", "jax", 10.0),
]
# Most seconds of ours, whatever the peers do.
NOT_PEERS = ("cotangent", "hand-written C++", "bound", "bound past caches", "in f64")
LIMITS = {"cold-pendulum": 0.05, "cold-20000": 0.4, "call": 2e-6 * 100000}


def lines_of(command, environment=None):
    process = subprocess.run(command, capture_output=True, text=True, env=environment)
    lines = []
    for text in process.stdout.splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            pass
    if process.returncode != 0:
        lines.append({"failed": " ".join(map(str, command[:3])), "why": process.stderr[-400:]})
    return lines


def install(peers):
    """A virtual environment with those of the peers that install."""
    home = BUILD / "bench_venv"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    absent = {}
    for peer in peers:
        probe = subprocess.run([python, "-c", f"import {peer}"], capture_output=True)
        if probe.returncode == 0:
            continue
        made = subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGES.get(peer, peer)], capture_output=True, text=True)
        if made.returncode != 0:
            absent[peer] = (made.stderr.strip().splitlines() or ["pip failed"])[-1]
    return python, absent


def verdicts(case, times):
    ours = times.get("cotangent")
    out = []
    if case in LIMITS:
        out.append((f"<= {LIMITS[case]:g} s", ours <= LIMITS[case]))
    others = {w: t for w, t in times.items() if t and w not in NOT_PEERS}
    for start, who, bar in BARS:
        if not case.startswith(start):
            continue
        peer = min(others.values(), default=None) if who == "*" else times.get(who)
        if peer:
            name = "best peer" if who == "*" else who
            out.append((f"{name} >= {bar:g}", peer / ours >= bar))
    return out


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs on smaller arrays")
    parser.add_argument("--one-core", action="store_true", help="one core each, by processor time")
    parser.add_argument("--peers", default=",".join(PEERS), help="which, by commas; none")
    parser.add_argument("--json", default=str(BUILD / "bench" / "table.json"), help="where to write")
    parser.add_argument("cases", nargs="*", help="cases, or starts of their names; none: all")
    given = parser.parse_args()
    peers = [p for p in given.peers.split(",") if p and p != "none"]
    unknown = sorted(set(peers) - set(PEERS))
    if unknown:
        sys.exit(f"bench/run: unknown peer {unknown[0]} (known: {', '.join(PEERS)}, none)")
    python, absent = install(peers) if peers else (None, {})
    results = BUILD / "bench" / "results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    more = (["--quick"] if given.quick else []) + (["--one-core"] if given.one_core else [])
    more += ["--results", results, *given.cases]
    records = lines_of([BUILD / "release" / "bench" / "bench_suite", *more])
    for peer in peers:
        if peer not in absent:
            records += lines_of([python, ROOT / "bench" / "peers" / "peers.py", peer, *more], os.environ)

    times, notes = {}, []
    for r in records:
        if "case" in r:
            times.setdefault(r["case"], {})[r["who"]] = r["seconds"]
            if r.get("error"):
                notes.append(f"{r['who']} cannot do {r['case']}: {r['error']}")
        elif "failed" in r:
            notes.append(f"{r['failed']} failed: {r['why']}")
    for peer, why in absent.items():
        notes.append(f"{peer} is absent: {why}")

    heads = ["hand-written C++", "bound"] + [p for p in peers if any(p in t for t in times.values())]
    print(json.dumps(next((r for r in records if "host" in r), {})))
    print("versions: " + ", ".join(f"{r['peer']} {r['version']}" for r in records if "peer" in r))
    print("\nseconds of ours; a peer's time over ours (above 1: ours is faster); bars\n")
    print(f"{'case':<22}{'ours':>11}" + "".join(f"{h[:12]:>14}" for h in heads) + "  bars")
    missed = 0
    table = []
    for case, t in times.items():
        ours = t.get("cotangent")
        if not ours:
            continue
        cells = "".join(f"{t[h] / ours:>14.2f}" if t.get(h) else f"{'-':>14}" for h in heads)
        marks = verdicts(case, t)
        missed += sum(not ok for _, ok in marks)
        print(f"{case:<22}{ours:>11.4g}{cells}  " + "; ".join(f"{'ok' if ok else 'MISSED'} {m}" for m, ok in marks))
        table.append({"case": case, "seconds": t, "bars": [{"bar": m, "met": ok} for m, ok in marks]})
    for note in notes:
        print("note: " + note)
    pathlib.Path(given.json).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(given.json).write_text(json.dumps({"records": records, "table": table, "notes": notes}, indent=1))
    print(f"\n{len(table)} cases, {missed} bars missed; {given.json}")


if __name__ == "__main__":
    main()
