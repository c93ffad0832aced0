"""Pictures, and what their headers say of their size."""
