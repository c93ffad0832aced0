"""Files in and out: volumes, pictures and tables, each read with its geometry and checked before use."""
