"""Networks that read a pulse from a clip, and their files."""
