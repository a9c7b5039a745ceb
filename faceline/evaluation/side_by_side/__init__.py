"""Which embeddings of the same pictures tell people apart best?"""
