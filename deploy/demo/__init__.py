"""What `make demo` and the tests stand on: a private broker, sample documents and the demonstration."""
