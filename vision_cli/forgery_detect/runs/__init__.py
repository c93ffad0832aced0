"""A verb's work from files to a finished run; one file a verb."""
