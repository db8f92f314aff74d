"""One file per revision of schema ``tenure``, each able to go up and down."""
