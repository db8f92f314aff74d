"""What the numbers mean: pure functions, Polars frames in, small Polars frames out."""
