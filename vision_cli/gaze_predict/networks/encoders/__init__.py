"""Encoders of films and of sentences: small ones of our own, and CLIP's."""
