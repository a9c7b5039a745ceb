"""Captions, numbers and legends on pictures, in any script."""
