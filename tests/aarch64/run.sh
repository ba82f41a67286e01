#!/usr/bin/env bash
# The native core's tests as aarch64 code under emulation, on a core without and one with the dot-product instructions.
# Needs a cross compiler and qemu (Debian: g++-aarch64-linux-gnu qemu-user-static). Slow; not part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/aarch64}
for cpu in cortex-a72 cortex-a76; do
  cmake -S native -B "$build" -DCMAKE_BUILD_TYPE=Release -DMIEN_TESTS=ON \
    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
    -DCMAKE_CROSSCOMPILING_EMULATOR="qemu-aarch64-static;-cpu;$cpu;-L;/usr/aarch64-linux-gnu" >/dev/null
  cmake --build "$build" --parallel
  echo "== $cpu"
  ctest --test-dir "$build" --output-on-failure
done
