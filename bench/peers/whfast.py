"""The cases of bench/wisdom_holman.cpp in REBOUND's WHFast; prints a JSON line a measurement.

    python bench/peers/whfast.py [STEPS]

Steps are joined (safe_mode 0). Eight systems are eight runs, one after the other. Processor time, least of several.
"""

import json
import math
import sys
import time

import rebound

DT = 0.005 * 12 * 2 * 3.1415 * 365.25 / (2 * math.pi)  # days: REBOUND's own test of this system
PLANETS = [  # Hairer, Lubich, Wanner, Geometric Numerical Integration, I.2.3
    (0.000954786104043, (-3.5023653, -3.8169847, -1.5507963), (0.00565429, -0.00412490, -0.00190589)),
    (0.000285583733151, (9.0755314, -3.0458353, -1.6483708), (0.00168318, 0.00483525, 0.00192462)),
    (0.0000437273164546, (8.3101420, -16.2901086, -7.2521278), (0.00354178, 0.00137102, 0.00055029)),
    (0.0000517759138449, (11.4707666, -25.7294829, -10.8169456), (0.00288930, 0.00114527, 0.00039677)),
    (1 / 1.3e8, (-15.5387357, -25.2225594, -3.1902382), (0.00276725, -0.00170702, -0.00136504)),
]


def system(corrector, coordinates, nudge):
    s = rebound.Simulation()
    s.G = 2.95912208286e-4
    s.add(m=1.00000597682)
    for m, (x, y, z), (u, v, w) in PLANETS:
        f = 1 + 1e-6 * nudge
        s.add(m=m, x=x, y=y, z=z, vx=f * u, vy=f * v, vz=f * w)
    s.integrator = "whfast"
    whfast = s.integrator if hasattr(s.integrator, "safe_mode") else s.ri_whfast
    whfast.safe_mode, whfast.corrector, whfast.coordinates = 0, corrector, coordinates
    s.dt = DT
    return s


def energy(s):
    return s.energy() if hasattr(s, "energy") else s.calculate_energy()


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200000
    print(json.dumps({"peer": "rebound", "version": rebound.__version__}))
    cases = [("wisdom_holman", 0, "jacobi"), ("wisdom_holman-corrector", 17, "jacobi"),
             ("wisdom_holman-heliocentric", 0, "democraticheliocentric")]
    for systems in (1, 8):
        for name, corrector, coordinates in cases:
            least, error = 1e30, 0
            for _ in range(3 if systems == 1 else 1):
                all_of = [system(corrector, coordinates, k) for k in range(systems)]
                before = energy(all_of[0])
                start = time.process_time()
                for s in all_of:
                    s.integrate((steps - 0.5) * DT, exact_finish_time=0)
                least = min(least, (time.process_time() - start) / (steps * systems))
                error = (energy(all_of[0]) - before) / before
            print(json.dumps({"case": name, "who": "WHFast", "systems": systems, "ns_a_step": 1e9 * least,
                              "energy_error": error}), flush=True)


main()
