"""The report of a replay: figures, charts, words, one HTML file; and its cases."""
