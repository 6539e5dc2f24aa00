"""Everything that the law says to people, in Chinese and English."""
