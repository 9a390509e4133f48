"""Pages of the Python reference: which name is on which page. What is said of a name is its docstring
and signature, in the installed package and its stubs; griffe reads them, without importing anything.

Every public name has a docstring and a page: else the site is not built.
"""
import griffe

#: page -> title, what it is about, names. None: all functions of arrays that no other page has.
PAGES = {
    "systems": ("Systems", "What moves. Guides: [Python](../../python.md#systems), [system files](../../system_files.md).",
                "load System Facts Fact hamiltonian equations lie_poisson lagrangian link"),
    "flows": ("Flows", "A system, planned and compiled. Guides: [Python](../../python.md#flows), [methods](../../methods.md).",
              "compile Flow Plan Decision Explanation"),
    "runs": ("Runs", "Where it went. Guide: [Python](../../python.md#runs).",
             "Run Trajectory Samples Invariants load_run RunWarning RunError"),
    "gradients": ("Gradients of runs", "Guides: [Python](../../python.md#gradients), "
                  "[a long run in little memory](../../howto/gradient_through_a_long_run.md).",
                  "Gradient check_grad GradCheck gradients.GradCheckRow"),
    "arrays": ("Arrays", "Guide: [arrays and traced functions](../../python_arrays.md).",
               "Array Complex IndexedArray IndexUpdate array asarray from_dlpack"),
    "functions": ("Functions of arrays", "NumPy's names where NumPy has them. What is exact: [arrays](../../arrays.md); errors in ulp: "
                  "[functions](../../functions.md); derivatives: [derivatives](../../derivatives.md).", None),
    "transforms": ("Functions of functions", "Conventions of arguments are JAX's. Guides: [arrays and traced functions]"
                   "(../../python_arrays.md#functions-of-functions), [derivatives](../../derivatives.md).",
                   "jit grad value_and_grad jvp vjp linearize linearise linear_transpose jacfwd jacrev jacobian "
                   "hessian hvp vmap custom_jvp custom_vjp stop_gradient tree_flatten tree_leaves tree_map "
                   "tree_structure tree_unflatten fori_loop while_loop scan cond switch pair_sum pair_sum_rows "
                   "find_root check check_derivatives"),
    "linalg": ("ct.linalg", "[Linear algebra](../../linear_algebra.md) has signs, orders and methods.", "linalg.*"),
    "fft": ("ct.fft", "[Fourier transforms](../../fft.md) has the method and its accuracy.", "fft.*"),
    "random": ("ct.random", "[Arrays](../../arrays.md#random-numbers) has the rules.", "random.*"),
    "exchange": ("PyTorch and JAX", "Guide: [arrays and traced functions](../../python_arrays.md#pytorch-and-jax).",
                 "to_torch to_jax"),
    "errors": ("Errors and types", "", "Error UserError DeviceError InternalError typing.* types.*"),
}


def target(thing):
    return thing.final_target if thing.is_alias else thing


def public(module):
    """Names and what they are; without modules, and without what a module imports for itself."""
    for name, thing in module.members.items():
        if name.startswith("_") or name == "annotations":
            continue
        if thing.is_alias and not thing.target_path.startswith("cotangent."):
            continue
        if target(thing).kind is not griffe.Kind.MODULE:
            yield name, target(thing)


def pages(search_path):
    """(name, Markdown) of every page. ValueError for a public name without a docstring or a page."""
    package = griffe.load("cotangent", search_paths=[search_path], allow_inspection=False,
                          resolve_aliases=True)
    everything = dict(public(package))
    listed, placed = {}, set()
    for page, (_, _, names) in PAGES.items():
        listed[page] = []
        for name in (names or "").split():
            if name.endswith(".*"):
                inside = name[:-2]
                listed[page] += [f"{inside}.{n}" for n in package[inside].exports]
            else:
                listed[page].append(name)
        placed.update(listed[page])
    placed |= {n.split(".")[1] for n in placed if n.startswith("types.")}
    named = [n for n, _ in public(package["arrays"])]
    named += [str(n) for module in ("numpy_shapes", "numpy_names") for n in package[module].exports]
    listed["functions"] = sorted(n for n in named if n not in placed
                                 and n != "Key")  # which ct.random has
    placed.update(listed["functions"], ["Key"])
    if missing := sorted(set(everything) - placed):
        raise ValueError(f"tools/site/python_reference.py: no page has {', '.join(missing)}")
    bare = []
    for name in sorted(n for names in listed.values() for n in names):
        thing = target(package[name])
        if not thing.docstring:
            bare.append(name)
        if thing.kind is griffe.Kind.CLASS:
            bare += [f"{name}.{n}" for n, x in public(thing) if not x.docstring]
    if bare:
        raise ValueError(f"no docstring: {', '.join(bare)}")
    for page, (title, about, _) in PAGES.items():
        yield page, f"# {title}\n\n{about}\n\n" + "\n".join(one(n, target(package[n])) for n in listed[page])


def one(name, thing):
    """A heading with the name that people write, and what mkdocstrings makes of the rest."""
    shown = f"ct.{name}".replace("ct.types.", "ct.").replace("ct.gradients.", "ct.")
    return f"::: {thing.path}\n    options:\n      heading: {shown}\n      toc_label: {shown}\n      heading_level: 2\n"
