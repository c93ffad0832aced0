"""What pictures of all tasks share: colours, charts, and saving that gives the same bytes for the same content."""
