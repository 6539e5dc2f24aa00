"""Tools of those who build the product: a real Kafka on this machine, builders of pages. The product never imports them."""
