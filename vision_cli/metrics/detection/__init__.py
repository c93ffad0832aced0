"""How well detected boxes agree with annotated ones: matching once, average precision of any resample."""
