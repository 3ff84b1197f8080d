"""The order bridge: every shop order to SortedPRO, and its reference back."""
