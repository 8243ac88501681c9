"""How a job's output looks."""

from __future__ import annotations

from django.db import models

from conversions.models.job import ConversionJob


class JobInspection(models.Model):
    """What the child saw in the file it delivered. Customers' values are in it, so it is encrypted at rest."""

    job = models.OneToOneField(ConversionJob, on_delete=models.CASCADE, primary_key=True, related_name="inspection")
    sealed = models.BinaryField()

    def __str__(self) -> str:
        return f"Inspection of {self.job_id}"
