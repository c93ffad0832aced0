"""Films, reports and recordings of gaze, from files."""
