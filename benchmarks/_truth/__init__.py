"""Loaders and measures of `benchmarks/quality.py`: what should come out, and how near to it something is."""
