"""What drives the real processes against the sandbox: the demo and its story, and the benchmark."""
