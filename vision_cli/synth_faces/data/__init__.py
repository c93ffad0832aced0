"""Readers of data sets of labelled faces, in the layouts that their authors publish them in."""
