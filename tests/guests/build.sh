#!/bin/sh
# Rebuilds the guests' binaries, tests/guests/bin/*, from tests/guests/demo, contract, obstacles and speed with Debian 12's cross compiler
# (packages gcc-aarch64-linux-gnu 12.2.0 and binutils-aarch64-linux-gnu 2.40). Same compiler, same bytes.
set -eu
cd "$(dirname "$0")"
prefix=aarch64-linux-gnu-
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-common -fno-pic -fno-stack-protector
 -fno-asynchronous-unwind-tables -fno-jump-tables -fno-tree-loop-distribute-patterns -mcmodel=small -mstrict-align -mno-outline-atomics
 -march=armv8-a -g0"

link() { # name, linker script, extra flags, sources
    name=$1 script=$2 extra=$3
    shift 3
    objects=
    for source in "$@"; do
        object="$work/$name-$(basename "$source").o"
        case $source in */*) path=$source ;; *) path=demo/$source ;; esac
        "${prefix}gcc" $flags $extra -c "$path" -o "$object"
        # The kernel runs at its physical address first, so no absolute address may be stored anywhere.
        if "${prefix}readelf" -rW "$object" | grep -q R_AARCH64_ABS; then
            echo "$source: holds an absolute address" >&2
            exit 1
        fi
        objects="$objects $object"
    done
    "${prefix}ld" -nostdlib -static --build-id=none -z noexecstack -z max-page-size=0x4000 -T "demo/$script" $objects -o "$work/$name.elf"
    "${prefix}objcopy" -O binary "$work/$name.elf" "bin/$name.bin"
    "${prefix}nm" -n "$work/$name.elf" | awk '$2 ~ /[TtDdBbRrA]/ && $3 !~ /^\$/ { print $1, $3 }' >"bin/$name.sym"
}

mkdir -p bin
link demo-kernel kernel.ld -mgeneral-regs-only start.S trap.S main.c mmu.c trap.c console.c devicetree.c hfs.c user.c string.c
link demo-launchd launchd.ld "" launchd.c
link obstacles kernel.ld "-mgeneral-regs-only -fno-omit-frame-pointer" start.S trap.S obstacles/main.c mmu.c obstacles/trap.c console.c \
    devicetree.c hfs.c user.c string.c

# The contract kernels: one source, one binary for each train and shape. tests/guests/contract/contract.h says which is what.
for kernel in A7 A9 A10 A11 A12 A13 A14 M1 VMAPPLE; do
    case $kernel in
    A13 | A14) base=0xfffffff007008000 ;;
    M1 | VMAPPLE) base=0xfffffe0007008000 ;;
    *) base=0xfffffff007004000 ;;
    esac
    name=contract-$(echo $kernel | tr A-Z a-z)
    objects=
    for source in contract/*.S contract/*.c; do
        object="$work/$name-$(basename "$source").o"
        "${prefix}gcc" $flags -DKERNEL_$kernel -mgeneral-regs-only -c "$source" -o "$object"
        if "${prefix}readelf" -rW "$object" | grep -q R_AARCH64_ABS; then
            echo "$source: holds an absolute address" >&2
            exit 1
        fi
        objects="$objects $object"
    done
    "${prefix}ld" -nostdlib -static --build-id=none -z noexecstack -z max-page-size=0x4000 --defsym=BASE=$base \
        -T contract/contract.ld $objects -o "$work/$name.elf"
    "${prefix}objcopy" -O binary "$work/$name.elf" "bin/$name.bin"
    # Only what the packer asks for.
    "${prefix}nm" -n "$work/$name.elf" | awk '$3 ~ /^(text_start|data_const_start|text_exec_start|last_start|data_start|data_end|kernel_end|start|chained|thread_starts)$/ { print $1, $3 }' >"bin/$name.sym"
done

# The speed guest runs where it is linked.
flags="-std=gnu2x -O2 -Wall -Wextra -Werror -Wno-main -ffreestanding -fno-common -fno-pic -fno-stack-protector
 -fno-asynchronous-unwind-tables -fno-jump-tables -fno-tree-loop-distribute-patterns -mno-outline-atomics -mcpu=neoverse-n1+crypto -g0"
objects=
for source in speed/*.S speed/*.c; do
    object="$work/$(basename "$source").o"
    "${prefix}gcc" $flags -c "$source" -o "$object"
    objects="$objects $object"
done
"${prefix}ld" -nostdlib -static --build-id=none -z noexecstack -z max-page-size=0x1000 -T speed/speed.ld $objects -o "$work/speed.elf"
"${prefix}objcopy" -O binary "$work/speed.elf" bin/speed.bin
ls -l bin
