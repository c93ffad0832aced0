"""Networks of GEM: pure modules, a class a named part of the paper, and one builder a variant."""
