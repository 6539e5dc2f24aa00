"""Looking back: claims whose past has changed are judged again, and what differs is published as a revision."""
