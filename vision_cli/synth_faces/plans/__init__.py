"""What is generated: labels, action units and seeds of each sample, and the manifest and exports of what was made."""
