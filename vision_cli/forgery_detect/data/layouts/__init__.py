"""One module a family of layouts: how each is recognised and read."""
