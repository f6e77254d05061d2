"""Examples that are scripts; tests import parts of them."""
