"""Benchmarks: peers beside us, in the same run, on the same machine. `python -m benchmarks` runs all and writes docs/benchmarks.md."""
