"""The statistics of the gate: numpy in, numbers out. No randomness, no input or output, nothing of mlci's imported."""
