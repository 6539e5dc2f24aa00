"""The national opinion (国家医保局) 2024: filing statuses."""
