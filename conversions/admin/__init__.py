"""The room's pages in the console."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from conversions.admin.jobs import ConversionJobAdmin
from conversions.admin.keys import ApiKeyAdmin
from conversions.admin.schedules import ScheduleAdmin

__all__ = ["ApiKeyAdmin", "ConversionJobAdmin", "ScheduleAdmin"]

# The queue's own pages would unpickle what lies in the database, and say nothing that jobs do not.
admin.site.unregister(filter(admin.site.is_registered, (Success, Failure, Schedule, OrmQ)))
