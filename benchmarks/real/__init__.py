"""The real servers' figures: `python -m benchmarks.real`."""
