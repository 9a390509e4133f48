"""`python -m cotangent ...` is the command line `cotangent ...`."""
import sys

from cotangent import _core


def main() -> int:
    """Runs the command line on sys.argv; gives the exit code."""
    return _core.run_command_line(["cotangent", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
