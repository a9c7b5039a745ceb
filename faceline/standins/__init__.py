"""Packages that stand in for others; `faceline.compat.install()` puts this folder where Python looks for modules."""
