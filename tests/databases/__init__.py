"""Tests of database sources, against private servers started here."""
