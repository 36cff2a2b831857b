//! Benchmarks of the pure crates; see `benches/`. Deliberately absent: code.
