"""How data gets here: the contract, refresh (database to snapshot) and frames (snapshot to LazyFrames)."""
