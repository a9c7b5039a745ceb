"""Do two pictures show one person?"""
