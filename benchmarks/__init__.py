"""Measurements behind the figures and the constants; `make bench` runs them."""
