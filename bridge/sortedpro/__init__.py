"""SortedPRO: the contract of its Orders API, and the client that calls it."""
