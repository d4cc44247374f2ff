"""What the doctor does with a recipe, a run or a model as a whole; and faults planted for it to find."""
