"""The stages: folders in, folders out."""
