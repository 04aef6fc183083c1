"""How fast Headrace starts, answers and stops, and at what cost: `python -m benchmarks` or `make bench`."""
