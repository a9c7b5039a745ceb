"""A work folder as a whole: what is added to it, changed in it, forgotten of it, and learnt from it again."""
