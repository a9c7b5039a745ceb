"""From a picture to its faces, their crops and their embeddings."""
