"""What lies on disk: whole or absent files, paths, names, run records, manifests, embeddings, pickles, the cache."""
