"""A verb's work from files to a finished run, a module a verb."""
