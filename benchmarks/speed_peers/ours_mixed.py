"""Ours with `--precision auto`: bfloat16 for the networks that gain by it on this machine."""

from benchmarks.speed_peers.ours import run

if __name__ == "__main__":
    run("--precision", "auto")
