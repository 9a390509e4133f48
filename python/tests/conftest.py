"""What the tests of the installed package share. They see the wheel, never the source tree."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(os.environ["COTANGENT_SOURCE_DIR"])

PENDULUM = """
[parameters]
g = 9.81
length = 0.5
[energy]
kinetic = "p[0]^2 / (2*length^2)"
gravity = "-g*length*cos(q[0])"
[initial]
q = [1.0]
p = [0.0]
[run]
dt = 0.001
t_end = 1.0
[observe]
every = 10
angle = "q[0]"
"""


@pytest.fixture
def examples():
    return ROOT / "examples"


@pytest.fixture
def pendulum():
    import cotangent as ct

    return ct.System.from_text(PENDULUM)


@pytest.fixture
def python():
    """Runs a program with the Python of the tests, in a folder of its own; gives what it printed."""

    def run(program, *, check=True, cwd=None, stdin=None):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                              cwd=cwd, check=False)
        if check and done.returncode != 0:
            pytest.fail(done.stderr)
        return done

    return run


@pytest.fixture
def cli():
    """The console script; gives what it printed."""

    def run(*arguments, code=0):
        program = pathlib.Path(sys.executable).parent / "cotangent"
        done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True,
                              check=False)
        assert done.returncode == code, done.stderr
        return done

    return run
