"""Data sets of low-light pictures as their authors lay them out, read into typed samples."""
