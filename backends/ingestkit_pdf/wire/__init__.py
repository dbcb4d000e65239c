"""What travels: the topology of the broker and the envelope of every message."""
