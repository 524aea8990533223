"""What a training tells of itself: the doctor."""
