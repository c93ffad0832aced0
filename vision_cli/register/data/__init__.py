"""Lists of pairs, and data sets in the layouts that users have."""
