"""The round trip through this project and through its peers, measured the same way."""
