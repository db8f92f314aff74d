"""From a table of accounts to messages sent: the audience, its play, the preview, the approval, and the outbox."""
