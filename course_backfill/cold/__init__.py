"""Content in archive classes: what it is, what waking it takes and costs, and waiting for it."""
