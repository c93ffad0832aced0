"""Generated episodes of few-shot segmentation: annotated pictures of a class, and a query with its true mask."""
