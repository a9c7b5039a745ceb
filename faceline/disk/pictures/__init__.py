"""Reading pictures of any kind, with their limits, turns and colours."""
