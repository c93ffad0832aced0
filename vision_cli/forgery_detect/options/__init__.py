"""Settings of forgery-detect; their ``Annotated`` fields are the options of the command line."""
