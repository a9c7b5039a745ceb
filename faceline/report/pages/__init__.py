"""Pages that open from disk, with all they need in them."""
