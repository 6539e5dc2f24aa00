"""The audit: the logs are read again and everything published is compared with what follows from them."""
