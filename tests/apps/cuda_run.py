"""Runs the CUDA of `cotangent compile --target cuda --json` on a GPU, as a host program would, and
compares the end with `cotangent run`, bit for bit. For a machine with a GPU and CuPy:

    cuda_run.py COMPILED.json RUN.json [COMPILED.json RUN.json ...]

Prints a line a system, with the time of a step; fails when one differs.
"""

import json
import sys
import time

import cupy
import numpy

TYPES = {"f32": "float32", "f64": "float64", "i32": "int32", "i64": "int64"}
THREADS = 128
CHUNK = 1 << 20


class Kernels:
    def __init__(self, compiled):
        text = compiled["text"]
        for kernel in compiled["kernels"]:
            if kernel.get("scratch"):
                text += (
                    f'extern "C" __device__ const unsigned long long {kernel["name"]}_bytes'
                    f' = sizeof({kernel["scratch"]});\n'
                )
        self.module = cupy.RawModule(code=text, options=("-std=c++17", "-fmad=false"))
        self.kernels = {k["name"]: k for k in compiled["kernels"]}

    def launch(self, name, values):
        """Runs the kernel as one block; `values` by argument. Gives what it has written."""
        kernel = self.kernels[name]
        arrays = {}
        for a in kernel["arguments"]:
            given = numpy.zeros(a["count"], TYPES[a["dtype"]])
            if a["name"] in values:
                given[:] = numpy.asarray(values[a["name"]], TYPES[a["dtype"]]).ravel()
            arrays[a["name"]] = cupy.asarray(given)
        arguments = list(arrays.values())
        if kernel.get("scratch"):
            size = cupy.ndarray((), "uint64", memptr=self.module.get_global(f"{name}_bytes"))
            arguments.append(cupy.zeros(int(size), "uint8"))
        self.module.get_function(name)((1,), (THREADS,), tuple(arguments))
        cupy.cuda.Device().synchronize()
        return {a["name"]: arrays[a["name"]].get() for a in kernel["arguments"] if a["written"]}


def compare(compiled, ran):
    kernels, name = Kernels(compiled), compiled["name"]
    values = {**compiled["parameters"], **compiled["initial"]}
    values |= {"t0": values["t"], "dt": compiled["dt"]}
    for x in ("q", "p"):  # a state with error terms is a float and what it does not hold
        exact = numpy.asarray(values[x], "float64")
        values[f"{x}_error"] = exact - exact.astype("float32")
    values |= kernels.launch(f"{name}_start", values)
    steps, first = ran["steps"], 0
    begin = time.perf_counter()
    while first < steps:
        count = min(CHUNK, steps - first)
        out = kernels.launch(f"{name}_chunk", {**values, "first": first, "count": count})
        values |= {key.removesuffix("_out"): value for key, value in out.items()}
        first += count
    seconds = time.perf_counter() - begin
    whole = {x: values[x].astype("float64") for x in ("q", "p")}
    if any(a["name"] == "q_error" for a in kernels.kernels[f"{name}_chunk"]["arguments"]):
        whole = {x: whole[x] + values[f"{x}_error"] for x in whole}
    same = all(numpy.array_equal(whole[x], numpy.ravel(ran["final"][x])) for x in whole)
    print(
        f"{name}, {compiled['precision']}: {steps} steps, {seconds / steps * 1e6:.2f} us a step, "
        f"{'the bits of run' if same else 'DIFFERENT from run'}"
    )
    return same


def main():
    pairs = [json.load(open(path, encoding="utf-8")) for path in sys.argv[1:]]
    results = [compare(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True)]
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
