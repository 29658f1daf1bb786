#!/bin/sh
# Packs the check initramfs from Debian's arm64 programs (fetched by name, see fetch.sh) and tests/guests/check/init:
#   sh tests/guests/check.sh DIR
# Result: DIR/check.cpio.gz. Needs cpio.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: check.sh DIR}
packages="busybox-static libc6 libssl3 openssl zlib1g python3.11-minimal libpython3.11-minimal libexpat1 libcrypt1"
sh "$here/fetch.sh" "$dir" $packages
dir=$(cd "$dir" && pwd)
[ "$dir/check.cpio.gz" -nt "$here/check/init" ] && exit 0
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
for package in $packages; do
    cp -a "$dir/$package/." "$root"
done
rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/.complete"
mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/bin"
cp "$here/check/init" "$root/init"
chmod 755 "$root/init"
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet | gzip -9n) >"$dir/check.cpio.gz.new"
mv "$dir/check.cpio.gz.new" "$dir/check.cpio.gz"
ls -l "$dir/check.cpio.gz"
