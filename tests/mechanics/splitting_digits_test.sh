#!/usr/bin/env bash
# The orders of splittings in more digits than long double has.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
exec python3 "$here/splitting_digits.py" "$here/../../cotangent/mechanics/splitting_table.inc"
