"""`screening demo`: the real gate over a generated sample, on a broker that lives inside the process."""

from pipeline.demo.run import run_demo

__all__ = ["run_demo"]
