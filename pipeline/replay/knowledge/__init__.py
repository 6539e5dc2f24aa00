"""What a replay knows: from a file of events to the standing index, under one of four clocks."""
