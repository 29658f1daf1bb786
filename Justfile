# The front door: every recipe is one line; anything longer is a program.

# Lists the recipes.
default:
    @just --list --unsorted

# Builds the six tools.
build:
    cargo build --release --locked

# Runs the demo: the whole chain, from an IPSW made in memory to a shell-like program at EL0.
demo:
    cargo run --release -p xnu-run -- --demo

# Runs the chain on an IPSW; more options go to xnu-run.
boot IPSW *OPTIONS: build
    target/release/ipsw-extract {{IPSW}} | target/release/dt-patch --preset serial-only | target/release/xnu-run {{OPTIONS}}

# Runs all tests.
test:
    cargo test --workspace --locked

# Everything that CI checks, identical to it.
check:
    bash .ci/run

# Formats, lints, builds the documentation.
lint:
    cargo fmt --all --check && cargo clippy --workspace --all-targets --locked -- -D warnings && RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Checks licences, advisories and bans of the crates we stand on (needs cargo-deny).
deny:
    cargo deny --all-features check bans licenses sources

# Writes the manual pages and completions afresh.
man:
    cargo run --release -p manual

# Fetches the guests that Debian ships, for the tests that boot them, and packs the check initramfs (needs cpio).
guests:
    sh tests/guests/fetch.sh target/guests && sh tests/guests/check.sh target/guests

# Rebuilds the guests' binaries from their sources (needs Debian's gcc-aarch64-linux-gnu).
guest-binaries:
    bash tests/guests/build.sh

# Fuzzes one reader (needs cargo-fuzz and a nightly toolchain).
fuzz TARGET *OPTIONS:
    cd tests/fuzz && cargo +nightly fuzz run {{TARGET}} ../corpus/fuzz/{{TARGET}} {{OPTIONS}}

# Measures the tools and engines against others on this machine and prints the tables of docs/performance.md.
bench: build
    cargo run --release -p bench --bin firmware && cargo run --release -p bench --bin image4 && cargo run --release -p bench --bin archives && cargo run --release -p bench --bin engines

# Measures the engines alone: more of `engines --rounds N --scale N --only NAME,NAME --no-interpreter --no-linux`.
bench-engines *OPTIONS: build
    cargo run --release -p bench --bin engines -- {{OPTIONS}}

# Measures boots: to the first line, to EL0, and what skipping idle time saves; `-- OPTIONS` measures a boot of your own.
bench-boot *OPTIONS: build
    cargo run --release -p bench --bin boot -- {{OPTIONS}}

# Release archive target/xnuboot.tar.gz: from the same sources in the same folder always the same bytes.
dist:
    RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo --remap-path-prefix=$PWD=." cargo build --profile dist --locked && tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C target/dist -c ipsw-extract kc-decompress dt-patch rd-extract bootimg-pack xnu-run | gzip -n > target/xnuboot.tar.gz

# Plays the recorded instructions through the engines and prints docs/conformance.md.
conformance:
    cargo run --release --locked -p recorder --bin conformance

# Records instructions afresh with any number of qemu-aarch64 that must agree (needs gcc-aarch64-linux-gnu).
record SEED FILE *QEMUS:
    cargo run --release --locked -p recorder -- --seed {{SEED}} -o {{FILE}} {{QEMUS}}
