"""What a second rule set would have done: claims, money, people and deadlines that change."""
