"""The service: the pictures of requests in, names out."""
