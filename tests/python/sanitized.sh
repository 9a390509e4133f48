#!/usr/bin/env bash
# The package's tests of memory that is shared (and what else is named), with the extension module
# under the address and undefined-behaviour sanitizers. ./test runs it; by hand:
#
#   tests/python/sanitized.sh [pytest's arguments]   default: test_exchange.py test_interop.py test_arrays.py
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/common.sh
ensure_python_tools
root=$PWD
if ! grep -q '^COTANGENT_BUILD_PYTHON:BOOL=ON' build/asan/CMakeCache.txt 2>/dev/null; then
  cmake --preset asan -DCOTANGENT_BUILD_PYTHON=ON -DPython_EXECUTABLE="$python_tools/bin/python" \
    >build/asan.configure.log 2>&1 || { cat build/asan.configure.log >&2; exit 1; }
fi
build asan cotangent_python

# The package is the sources and the module beside them.
package=build/asan/python-package/cotangent
rm -rf build/asan/python-package
mkdir -p "$package"
ln -s "$root"/python/cotangent/* "$root"/build/asan/python/cotangent/_core*.so "$package"

# Python is not instrumented, so the sanitizers' library is loaded before it; what Python itself keeps
# to its end is no leak of ours. Its own allocator would hide objects that are gone. NumPy is not
# instrumented either: memory that is freed is overwritten, so that what it still reads is wrong.
cd python/tests
[ $# -gt 0 ] || set -- test_exchange.py test_interop.py test_arrays.py
export COTANGENT_SOURCE_DIR=$root COTANGENT_CACHE=off PYTHONPATH=$root/build/asan/python-package \
  PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1 MPLBACKEND=Agg \
  ASAN_OPTIONS=detect_leaks=0:max_free_fill_size=1048576:free_fill_byte=254
LD_PRELOAD=$(clang++-19 -print-file-name=libclang_rt.asan-x86_64.so) \
  "$python_tools/bin/python" -m pytest -q --capture=sys -p no:cacheprovider "$@"
