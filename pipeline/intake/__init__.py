"""Messages of the national interface (接口报文) as claims: settlements joined with their visits and fee lines."""
