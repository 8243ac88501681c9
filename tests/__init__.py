"""Tests assert behaviour through the doors users use, with the real thing behind."""
