"""Files that a user names, and data sets of real and forged faces."""
