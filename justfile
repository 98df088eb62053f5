# What a developer types; `.ci/run` does the same and more.

# Show the recipes.
default:
    @just --list

# Format the sources.
fmt:
    cargo fmt --all

# Lint everything; warnings are errors.
lint:
    cargo fmt --all -- --check
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

# Run the tests, as README.md says.
test:
    cargo test

# Run the tests that take long, too.
test-long:
    BELLKEEPER_LONG=1 cargo test

# Spelling, unused dependencies, licences.
tidy:
    typos
    cargo machete
    cargo deny check bans licenses sources

# Known weaknesses of dependencies; needs the network.
audit:
    cargo deny check advisories

# All that a submission must pass.
ci:
    .ci/run
