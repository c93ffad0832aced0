"""Detectors and classifiers that pictures are scored with: files, folders and functions of anyone's."""
