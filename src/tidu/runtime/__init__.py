"""What generated code imports: functions of numbers, of tiles and of whole arrays, and the order of sums."""
