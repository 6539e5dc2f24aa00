"""Discretion standards for administrative penalties (行政处罚裁量基准): dated, cited packs, and the tier of a case."""
