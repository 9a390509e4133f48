"""`python -m cotangent ...` is the command line `cotangent ...`."""
import importlib.metadata
import pathlib
import sys

from cotangent import _core


def examples() -> str:
    """The folder of the examples that were installed with the package, "" where there is none."""
    for file in importlib.metadata.files("cotangent") or []:
        if file.as_posix().endswith("share/cotangent/examples/gallery/index.toml"):
            return str(pathlib.Path(str(file.locate())).resolve().parent.parent)
    return ""


def main() -> int:
    """Runs the command line on sys.argv; gives the exit code."""
    folder = examples() if sys.argv[1:2] == ["examples"] else ""
    return _core.run_command_line(["cotangent", *sys.argv[1:]], folder, sys.executable)


if __name__ == "__main__":
    sys.exit(main())
