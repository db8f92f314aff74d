"""Parts of the account page: what people write down about one account, its history and its timeline."""
