"""Kinds of shop systems."""
