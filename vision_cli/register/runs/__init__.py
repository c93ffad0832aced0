"""From files to a finished run: pairs, batches, transform files."""
