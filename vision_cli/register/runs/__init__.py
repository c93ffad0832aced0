"""The work of the verbs, from files to a finished run: pairs, batches, transform files."""
