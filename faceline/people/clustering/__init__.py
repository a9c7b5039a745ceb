"""Faces put together that are one person's, whoever that is."""
