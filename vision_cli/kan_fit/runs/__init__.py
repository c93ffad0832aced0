"""From files to a finished run, a module a verb."""
