"""What is Faust's own: the app, its tables and their stores, credentials in its words."""
