"""Test labels read again by people who see neither the given label, nor the model, nor each other's answers."""
