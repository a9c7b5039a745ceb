"""Are known people found, and strangers left unnamed?"""
