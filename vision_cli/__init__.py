"""vision_cli: nine computer-vision papers as dependable commands, run on your own files."""

__version__ = "0.1.0"
