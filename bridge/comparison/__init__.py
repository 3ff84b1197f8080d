"""What another connector made of the same orders: its list, and how its SortedPRO orders differ from ours. Pure."""
