"""What each page asks: cached questions, one module per page. A page asks, and draws what it is told."""
