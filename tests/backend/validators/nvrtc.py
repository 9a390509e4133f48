"""Compiles CUDA C++ files with NVRTC, to machine code: nvrtc.py LIBRARY FILE..."""
import ctypes
import glob
import os
import sys

# 186: an unsigned number compared with 0, which random programs do.
OPTIONS = [b"-fmad=false", b"--std=c++17", b"--diag-suppress=186"]
ARCHITECTURES = [b"--gpu-architecture=sm_80"]


def compile_file(nvrtc, path, architecture):
    """The compiler's complaint, or an empty text."""
    with open(path, "rb") as file:
        source = file.read()
    program = ctypes.c_void_p()
    status = nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, path.encode(), 0, None, None)
    if status != 0:
        return f"nvrtcCreateProgram: error {status}"
    options = [*OPTIONS, architecture]
    status = nvrtc.nvrtcCompileProgram(program, len(options),
                                       (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(max(size.value, 1))
    nvrtc.nvrtcGetProgramLog(program, log)
    code = ctypes.c_size_t()
    made = status == 0 and nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(code)) == 0
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    words = log.value.decode(errors="replace").strip()  # warnings too
    if status != 0 or words:
        return words or f"error {status}"
    return "" if made and code.value > 0 else "no machine code came out"


def main():
    # NVRTC looks for this one by name: it is found when it is loaded already.
    for library in glob.glob(os.path.join(os.path.dirname(sys.argv[1]), "libnvrtc-builtins.so*")):
        ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
    nvrtc = ctypes.CDLL(sys.argv[1])
    wrong = 0
    for path in sys.argv[2:]:
        for architecture in ARCHITECTURES:
            complaint = compile_file(nvrtc, path, architecture)
            if complaint:
                wrong += 1
                print(f"{path}, {architecture.decode()}: {complaint[:4000]}")
                break
    print(f"NVRTC: {len(sys.argv) - 2} files, {wrong} wrong")
    sys.exit(1 if wrong or len(sys.argv) < 3 else 0)


main()
