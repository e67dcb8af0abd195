"""Gates: the promises that a version keeps before it is released, and the evidence of each."""
