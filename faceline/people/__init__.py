"""From embeddings to people: the gallery, its limit and its confidence."""
