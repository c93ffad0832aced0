"""Generated worlds with known truth, deterministic by seed: heads, hearts, and how they deform."""
