"""What the program around us must not notice: threads, forks, locks, memory, warnings, the environment."""
