"""Measurements of the engine beside its peers, in the environment that the portal runs it in."""

import os

from conversions.engine.client import ENVIRONMENT

os.environ.update(ENVIRONMENT | os.environ)
