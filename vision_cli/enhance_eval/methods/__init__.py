"""Enhancers: classical methods, controls, learned networks, and programs of others behind one interface."""
