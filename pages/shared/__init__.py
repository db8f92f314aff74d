"""What pages share: figures, tables, filters, words, definitions, and the only cached data."""
