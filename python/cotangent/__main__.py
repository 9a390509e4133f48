"""`python -m cotangent ...` is the command line `cotangent ...`."""
import pathlib
import sys

from cotangent import _core


def main() -> int:
    """Runs the command line on sys.argv; gives the exit code."""
    examples = pathlib.Path(__file__).parent / "examples"
    return _core.run_command_line(["cotangent", *sys.argv[1:]], str(examples), sys.executable)


if __name__ == "__main__":
    sys.exit(main())
