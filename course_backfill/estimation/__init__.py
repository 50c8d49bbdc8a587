"""What a backfill takes: requests, hours and money, from what is to be moved and assumed rates."""
