"""The demo: embedded PostgreSQL, and a made-up company with known stories in its data."""
