"""Tests beside a mapping: orders, and what shall become of them. No I/O but reading the files that a case names."""
