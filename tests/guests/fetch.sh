#!/bin/sh
# Fetches the guests that Debian ships, by package name, and unpacks them into DIR without installing anything:
#   sh tests/guests/fetch.sh DIR [PACKAGE...]
# From trixie, arm64: m1n1, u-boot-asahi, and linux-image-arm64-16k (the newest kernel with pages of 16 KiB, without its
# modules). From bookworm: u-boot-qemu, debian-installer-12-netboot-arm64, qemu-efi-aarch64, and any other that is named.
# It uses a private apt state, so the machine's own package lists and configuration stay as they are; the mirror is
# the one that the machine's own sources name. Result: DIR/<package>/... as in the package.
set -eu
dir=${1:?usage: fetch.sh DIR [PACKAGE...]}
shift
[ $# -gt 0 ] || set -- m1n1 u-boot-asahi u-boot-qemu debian-installer-12-netboot-arm64 qemu-efi-aarch64 linux-image-arm64-16k
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | grep -v security | head -n 1)
[ -n "$mirror" ] || { echo "fetch.sh: no Debian mirror in this machine's apt sources" >&2; exit 1; }

# A private apt for one suite: lists, cache and sources below DIR/.apt.
apt_for() { # suite, command...
    suite=$1
    shift
    state=$dir/.apt/$suite
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/empty"
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [arch=arm64 signed-by=$key] $mirror $suite main" >"$state/sources.list"
    tool=$1
    shift
    "$tool" -q -o Dir::State="$state" -o Dir::State::Lists="$state/lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$state/cache" -o Dir::Etc::SourceList="$state/sources.list" \
        -o Dir::Etc::SourceParts="$state/empty" -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
        -o APT::Sandbox::User=root "$@"
}

for package in "$@"; do
    [ -e "$dir/$package/.complete" ] && continue
    case $package in
    m1n1 | u-boot-asahi | linux-image-*) suite=trixie ;;
    *) suite=bookworm ;;
    esac
    [ -e "$dir/.apt/$suite/updated" ] || {
        apt_for "$suite" apt-get update >&2
        touch "$dir/.apt/$suite/updated"
    }
    work=$(mktemp -d)
    name=$package
    if [ "$package" = linux-image-arm64-16k ]; then
        # The package of that name holds nothing but a dependency on the newest signed one.
        name=$(apt_for "$suite" apt-cache pkgnames linux-image-6 | grep -- '-arm64-16k-unsigned$' | sort -V | tail -n 1)
    fi
    (cd "$work" && apt_for "$suite" apt-get download "$name" >&2)
    rm -rf "${dir:?}/$package"
    mkdir -p "$dir/$package"
    dpkg -x "$work"/*.deb "$dir/$package"
    rm -rf "$dir/$package/usr/lib/modules" "$dir/$package/lib/modules"
    rm -rf "$work"
    touch "$dir/$package/.complete"
    echo "$package: $dir/$package" >&2
done
