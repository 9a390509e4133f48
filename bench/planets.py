"""Runs bench_wisdom_holman and bench/peers/whfast.py in turn, and prints the table of bench/run_planets."""

import os
import sys

import table


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    steps = sys.argv[2] if len(sys.argv) > 2 else "200000"
    python, absent = table.install(["rebound"])
    if absent:
        sys.exit(f"bench/run_planets: rebound is absent: {absent['rebound']}")
    ours, peer = table.BUILD / "release" / "bench" / "bench_wisdom_holman", table.ROOT / "bench" / "peers" / "whfast.py"
    least, error, versions = {}, {}, set()
    for _ in range(rounds):
        for record in table.lines_of([ours, steps]) + table.lines_of([python, peer, steps], os.environ):
            if "failed" in record:
                sys.exit(f"{record['failed']} failed: {record['why']}")
            if "version" in record:
                versions.add(record["version"])
                continue
            key = (record["case"], record["systems"], record["who"])
            least[key] = min(least.get(key, 1e30), record["ns_a_step"])
            error[key] = record["energy_error"]
    print(f"REBOUND {', '.join(versions)}; ns a step of one system, least of {rounds} rounds; relative energy error\n")
    print(f"{'case':<30}{'systems':>8}{'ours':>10}{'WHFast':>10}{'ratio':>8}{'error':>11}{'WHFast':>11}")
    missed = 0
    for (case, systems, who), time in least.items():
        theirs = least.get((case, systems, "WHFast"))
        if who != "cotangent" or theirs is None:
            continue
        other = (case, systems, "WHFast")
        bar = 1 if systems == 1 else 4
        mark = "ok" if theirs / time >= bar else "MISSED"
        missed += mark != "ok"
        print(f"{case:<30}{systems:>8}{time:>10.1f}{theirs:>10.1f}{theirs / time:>8.2f}"
              f"{error[case, systems, who]:>11.2g}{error[other]:>11.2g}  {mark} >= {bar}")
    sys.exit(1 if missed else 0)


main()
