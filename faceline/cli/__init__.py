"""Commands: the only place that knows argparse."""
