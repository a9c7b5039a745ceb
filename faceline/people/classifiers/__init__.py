"""What tells enrolled people from each other."""
