"""What a location should hold of a version, what it holds, and what to do about the difference."""
