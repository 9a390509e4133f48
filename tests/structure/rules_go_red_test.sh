#!/usr/bin/env bash
# module_order_test.sh must notice each kind of violation: plants them one by one in a copy.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${COTANGENT_SOURCE_DIR:-$here/../..}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/cmake"
cp "$root/cmake/module_order.txt" "$copy/cmake/"

failures=0
check() { # <what> <expected: 0 or 1> <file> <text>
  mkdir -p "$copy/$(dirname "$3")"
  printf '%b\n' "$4" >"$copy/$3"
  local got=0
  bash "$here/module_order_test.sh" "$copy" >"$copy/log" 2>&1 || got=$?
  if [ "$got" -ne "$2" ]; then
    echo "$1: expected exit code $2, got $got"
    cat "$copy/log"
    failures=1
  fi
  rm -f "$copy/$3" "$copy/log"
}

check "an include upwards"       0 cotangent/ir/a.h '#include "cotangent/base/shape.h"'
check "an include of itself"     0 cotangent/ir/a.h '#include "cotangent/ir/type.h"'
check "an include downwards"     1 cotangent/ir/a.h '#include "cotangent/kernel/plan.h"'
check "downwards in a subfolder" 1 cotangent/backend/cpu/a.cpp '#include "cotangent/runtime/a.h"'
check "with angle brackets"      1 cotangent/base/a.cpp '# include <cotangent/apps/a.h>'
check "the umbrella from inside" 1 cotangent/ir/a.h '#include "cotangent/cotangent.h"'
check "the umbrella itself"      0 cotangent/cotangent.h '#include "cotangent/apps/a.h"'
check "an unknown module"        1 cotangent/misc/a.h 'int x;'
check "a dependency's header"    1 cotangent/io/a.h '#include <nlohmann/json.hpp>'
check "a dependency's type"      1 cotangent/io/a.h 'void f(llvm::Module&);'
check "a dependency in a source" 0 cotangent/io/a.cpp '#include <nlohmann/json.hpp>'
check "LLVM where it belongs"    0 cotangent/backend/cpu/llvm_jit.h '#include "llvm/IR/IRBuilder.h"'
check "LLVM elsewhere"           1 cotangent/backend/cpu/jit.cpp '#include "llvm/IR/IRBuilder.h"'
check "900 lines"                0 cotangent/ir/a.cpp "$(yes 'int;' | head -900)"
check "901 lines"                1 cotangent/ir/a.cpp "$(yes 'int;' | head -901)"
check "a registry's host"        1 docs/a.md "see https://registry.""npmjs"".org/thing"
check "an innocent host"         0 docs/a.md 'see https://example.org/thing'
exit $failures
