"""One run by many processes: division of the items, progress, merge."""
