"""The package as it is installed."""
import inspect
import pathlib
import re
import sys

import cotangent as ct
import pytest
from conftest import ROOT


def test_it_is_the_installed_one():
    assert pathlib.Path(sys.prefix) in pathlib.Path(ct.__file__).parents
    assert (pathlib.Path(ct.__file__).parent / "py.typed").exists()


def test_a_checkout_is_never_imported_by_accident(python):
    done = python("import cotangent; print(cotangent.__file__)", cwd=ROOT)
    assert str(ROOT / "python") not in done.stdout
    assert pathlib.Path(sys.prefix) in pathlib.Path(done.stdout.strip()).parents


def test_the_version_is_the_librarys():
    header = (ROOT / "cotangent/base/version.h").read_text()
    assert ct.__version__ == re.search(r'kVersion = "([^"]+)"', header)[1]


def test_doctor(python, cli):
    assert "cpu, native" in cli("doctor").stdout
    done = python("import runpy, sys; sys.argv = ['cotangent', '--version']\n"
                  "runpy.run_module('cotangent', run_name='__main__')", check=False)
    assert ct.__version__ in done.stdout


def test_the_readmes_program_goes_from_import_to_a_plot_in_eight_lines():
    text = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) <= 8 and "import cotangent" in lines[0] and "plot()" in lines[-1]


def public():
    for name in ct.__all__:
        value = getattr(ct, name)
        if name.startswith("_"):
            continue
        yield name, value
        if not inspect.isclass(value):
            continue
        for member, of in vars(value).items():
            if not member.startswith("_") and (callable(of) or isinstance(of, (property, staticmethod))):
                yield f"{name}.{member}", of


@pytest.mark.parametrize("name,value", list(public()), ids=lambda x: x if isinstance(x, str) else "")
def test_every_public_name_has_a_docstring(name, value):
    value = getattr(value, "__func__", value)
    assert (value.__doc__ or "").strip(), name


def test_it_starts_quickly_and_without_plotting(python):
    loaded = python("import cotangent, sys; print(*sys.modules)").stdout.split()
    assert not {"matplotlib", "pandas", "xarray", "IPython"} & set(loaded)


def test_a_command_that_is_none_is_named(cli, python):
    for arguments in (("foo",), ("foo", "x.toml", "--json")):
        done = cli(*arguments, code=2)
        assert "there is no command 'foo'" in done.stderr and "run, explain" in done.stderr
    done = python("import runpy, sys; sys.argv = ['cotangent', 'foo']\n"
                  "runpy.run_module('cotangent', run_name='__main__')", check=False)
    assert done.returncode == 2 and "there is no command 'foo'" in done.stderr
