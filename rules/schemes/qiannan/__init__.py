"""Qiannan (黔南州) 2022: points, penalty windows, blacklist, reinstatement."""
