"""The same job as the gate's, done with other libraries, to measure the gate against."""
