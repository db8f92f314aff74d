"""How messages leave: who gets one, what it says, the outbox, the worker, and what strangers may ask."""
