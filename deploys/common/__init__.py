"""What every topic shares: observing, planning and writing."""
