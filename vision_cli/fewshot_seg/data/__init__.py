"""Supports and data sets: files of pictures and masks become typed samples, read when they are asked for."""
