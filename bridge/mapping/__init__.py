"""The mapping language: files that say what becomes of a shop's orders."""
