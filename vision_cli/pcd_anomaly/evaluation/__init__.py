"""Protocol, baselines, ablation, and poses beside their truth."""
