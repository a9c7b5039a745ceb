"""Galleries of very many people: without SVMs, and searched in lists of people who lie near each other."""
