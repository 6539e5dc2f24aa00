"""Xiamen (厦门市) 2017: full-twelve periods and institutions' orders."""
