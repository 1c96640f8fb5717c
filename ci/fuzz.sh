#!/usr/bin/env bash
# Fuzzes the readers of foreign bytes with libFuzzer: `ci/fuzz.sh [SECONDS [TARGET…]]`, by default every target for 60 s.
#
# Needs a C++ compiler and no nightly toolchain: coverage works on stable, and the sanitizers that do not would find nothing in
# safe Rust. The first run compiles every dependency (some minutes). Input that fails a target lies in rust-ffi/fuzz/artifacts.
# Without a C++ compiler the property tests do: PROPTEST_CASES=100000 cargo test --release --lib --test conformance
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../rust-ffi"

seconds=${1:-60}
targets=("${@:2}")
((${#targets[@]})) || targets=(sse json_check openai_stream)

flags=(--cfg fuzzing -Cpasses=sancov-module)
for arg in level=4 inline-8bit-counters pc-table trace-compares; do
  flags+=("-Cllvm-args=-sanitizer-coverage-$arg")
done
flags+=(-Ccodegen-units=1)
host=$(rustc -vV | sed -n 's/^host: //p')
built=${CARGO_TARGET_DIR:-$PWD/fuzz/target}

# The versions that the product is built with.
cp Cargo.lock fuzz/Cargo.lock
# Where the target is named, build scripts and macros are compiled without these flags.
RUSTFLAGS="${flags[*]}" cargo build --release --manifest-path fuzz/Cargo.toml --target "$host" --target-dir "$built"

for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  printf '\n==> %s for %s s\n' "$target" "$seconds"
  "$built/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="fuzz/artifacts/$target/" "fuzz/corpus/$target"
done
