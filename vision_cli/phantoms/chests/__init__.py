"""Generated chest films with known findings, sentences about them, and a simulated reader of both."""
