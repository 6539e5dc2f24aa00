"""Rule packs: typed, dated, cited data, one file a jurisdiction and version."""
