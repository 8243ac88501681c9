"""What the portal promises for the day when something breaks, proven by breaking it."""
