"""Everything that depends on Faust: the app, its tables and their stores, and its form of the credentials."""
