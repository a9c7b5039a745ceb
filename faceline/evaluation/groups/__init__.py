"""Do distances that tell people of one group apart do so in another?"""
