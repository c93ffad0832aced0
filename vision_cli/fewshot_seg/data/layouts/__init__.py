"""Data sets of masks as their authors lay them out, a module a family."""
