"""How good it is: the protocols of the field, on folders of embeddings."""
