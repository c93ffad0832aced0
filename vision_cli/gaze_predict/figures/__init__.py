"""Pictures of predicted gaze."""
