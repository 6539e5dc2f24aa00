"""Lanzhou (兰州市) 2014: registered-post physicians by agreement terms."""
