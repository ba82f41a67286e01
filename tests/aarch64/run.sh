#!/usr/bin/env bash
# mien as aarch64 code under emulation, on a core without and one with the dot-product instructions: the native tests,
# then the wheel in a Debian of that architecture, which must see in the shipped film what this processor sees.
# Slow; not part of `make test`. `python -m benchmarks.aarch64` runs it and keeps what it found.
#
#   apt-get install g++-aarch64-linux-gnu qemu-user-static debootstrap
#   tests/aarch64/run.sh [WORK [BUNDLE.mien ...]]        # as root, for chroot; bundles besides the shipped ones
#
# In WORK (default out/aarch64): native-CPU.xml (JUnit), host.npz and sdk-CPU.npz (tests/aarch64/sdk.py), and the root,
# the wheel and the builds, which the next run uses again.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(realpath -m "${1:-out/aarch64}")
shift $(($# > 0))
python=${PYTHON:-.venv/bin/python}
cpus="cortex-a72 cortex-a76"
qemu=$(command -v qemu-aarch64-static)
cross="-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
  -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++"
mkdir -p "$work"

for cpu in $cpus; do
  # shellcheck disable=SC2086
  cmake -S native -B "$work/native" -DCMAKE_BUILD_TYPE=Release -DMIEN_TESTS=ON $cross \
    -DCMAKE_CROSSCOMPILING_EMULATOR="$qemu;-cpu;$cpu;-L;/usr/aarch64-linux-gnu" >/dev/null
  cmake --build "$work/native" --parallel 2
  echo "== native tests, $cpu"
  ctest --test-dir "$work/native" --output-on-failure --no-tests=error --output-junit "$work/native-$cpu.xml"
done

root=$work/root
if [ ! -x "$root/usr/bin/python3.11" ]; then
  echo "== Debian for arm64"
  rm -rf "$root"
  debootstrap --arch=arm64 --foreign --variant=minbase --include=python3,libpython3.11-dev bookworm "$root" >/dev/null
  # The second stage would need a kernel that runs aarch64 programs; unpacked is enough for Python.
  for package in "$root"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
fi
cp "$qemu" "$root/usr/bin/"

echo "== the wheel"
rm -rf "$work/wheels"
tag=cpython-311-aarch64-linux-gnu
env _PYTHON_HOST_PLATFORM=linux-aarch64 SETUPTOOLS_EXT_SUFFIX=".$tag.so" CMAKE_ARGS="$(echo $cross) \
  -DPython_INCLUDE_DIR=$root/usr/include/python3.11 -DCMAKE_CXX_FLAGS=-I$root/usr/include \
  -DPYTHON_MODULE_EXTENSION=.$tag.so -DPYTHON_MODULE_DEBUG_POSTFIX=" \
  "$python" -m pip wheel -q --no-deps --no-build-isolation -C build-dir="$work/wheel" -w "$work/wheels" .
versions=$("$python" -c 'from importlib.metadata import version
print(*(f"{name}=={version(name)}" for name in ("numpy", "onnxruntime", "ai-edge-litert")))')
# shellcheck disable=SC2086
"$python" -m pip download -q --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
  --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 -d "$work/wheels" $versions
rm -rf "$root/opt/site"
"$python" -m pip install -q --no-deps --no-compile --only-binary=:all: --python-version 3.11 --implementation cp \
  --platform linux_aarch64 --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
  --target "$root/opt/site" "$work"/wheels/*.whl

echo "== the SDK"
sdk=tests/aarch64/sdk.py
"$python" $sdk film "$work/film.npy"
"$python" $sdk see "$work/film.npy" "$work/host.npz" "$@"
cp $sdk "$work/film.npy" "$root/opt/"
bundles=()
for bundle in "$@"; do
  cp "$bundle" "$root/opt/"
  bundles+=("/opt/$(basename "$bundle")")
done
for cpu in $cpus; do
  # Without /proc and /sys: what they say of this machine makes the engines pick instructions that an aarch64 lacks.
  env -i PATH="$PATH" PYTHONPATH=/opt/site PYTHONDONTWRITEBYTECODE=1 chroot "$root" /usr/bin/qemu-aarch64-static -cpu "$cpu" \
    /usr/bin/python3.11 /opt/sdk.py see /opt/film.npy /opt/sdk.npz "${bundles[@]}"
  mv "$root/opt/sdk.npz" "$work/sdk-$cpu.npz"
done
