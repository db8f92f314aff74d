"""Parts of the accounts page: the book with its views, and the queue of those leaving."""
