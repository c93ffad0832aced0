"""What is learned of a part: the head on groups, its losses, the model and its files."""
