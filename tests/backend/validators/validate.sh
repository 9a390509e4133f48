#!/usr/bin/env bash
# Asks a real compiler whether printed source is right. Neither needs a GPU.
#   validate.sh cuda FILE.cu...    NVRTC, to machine code; a warning is an error
#   validate.sh wgsl FILE.wgsl...  naga, the WGSL front end and validator of wgpu
#   validate.sh run SCRIPT ARGS... a Node script that has the package `webgpu` (Dawn), on SwiftShader,
#                                  the software device that Chromium brings
# They come from their language's registry, once, into build/validators; a machine that has neither
# them nor the registries fails by name.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
store=${COTANGENT_VALIDATORS:-$here/../../../build/validators}
nvrtc=nvidia-cuda-nvrtc==13.0.88
naga=naga-wasm@30.1.0
webgpu=webgpu@0.6.2

fail() { printf 'validate.sh: %s\n' "$*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || fail "missing: $1 (scripts/install_deps.sh --tests brings it)"; }

# Runs "$2..." in a fresh folder that becomes $store/$1 when it has succeeded; one at a time.
install_once() {
  local name=$1
  shift
  mkdir -p "$store"
  exec 9>"$store/.lock"
  flock 9
  if [ ! -e "$store/$name/.done" ]; then
    rm -rf "${store:?}/$name"
    mkdir "$store/$name"
    (cd "$store/$name" && "$@") >"$store/$name.log" 2>&1 ||
      fail "missing: $name, and its registry did not give it: $(tail -n 3 "$store/$name.log")"
    : >"$store/$name/.done"
  fi
  exec 9>&-
}

install_nvrtc() { python3 -m venv . && bin/pip install --quiet "$nvrtc"; }
install_npm() { npm install --prefix "$PWD" --no-audit --no-fund --ignore-scripts "$1"; }

kind=${1:-}
shift || true
case "$kind" in
  cuda)
    need python3
    install_once "$nvrtc" install_nvrtc
    library=$(find "$store/$nvrtc" -name 'libnvrtc.so.*' | head -n 1)
    [ -n "$library" ] || fail "missing: libnvrtc.so in $nvrtc"
    exec python3 "$here/nvrtc.py" "$library" "$@"
    ;;
  wgsl)
    need node
    need npm
    install_once "$naga" install_npm "$naga"
    exec node "$here/naga.mjs" "$store/$naga" "$@"
    ;;
  run)
    need node
    need npm
    device=$(ls /usr/lib/chromium/vk_swiftshader_icd.json 2>/dev/null) ||
      fail "missing: chromium's vk_swiftshader_icd.json (scripts/install_deps.sh --tests brings it)"
    install_once "$webgpu" install_npm "$webgpu"
    export VK_ICD_FILENAMES=$device LD_LIBRARY_PATH=$(dirname "$device")
    export COTANGENT_WEBGPU=$store/$webgpu/node_modules/webgpu/index.js
    exec node "$@"
    ;;
  *) fail "usage: validate.sh cuda|wgsl FILE...; validate.sh run SCRIPT ARGS..." ;;
esac
