"""Networks: the table of them, their weights, what they run on, the frames of their crops, their distances."""
