"""What keeps the predictions of a fit sane: smoothness, scaling of heavy tails, continuation, intervals."""
