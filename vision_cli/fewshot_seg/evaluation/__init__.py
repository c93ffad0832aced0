"""The protocol of cross-domain few-shot segmentation: episodes, measures and their intervals."""
