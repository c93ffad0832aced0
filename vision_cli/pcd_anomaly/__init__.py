"""``vcli pcd-anomaly``: defects of parts in point clouds, by groups of points (Group3AD, arXiv:2408.04604)."""
