"""What is said and shown of pictures and galleries."""
