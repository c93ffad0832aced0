"""Data sets of low-light pictures as their authors lay them out, a module a family."""
