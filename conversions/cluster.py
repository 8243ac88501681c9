"""A queue cluster as a process of its own, ``python -m conversions.cluster ID``, that its watcher knows by this id."""

from __future__ import annotations

import os
import sys
import time
import uuid

import django

from conversions.engine.processes import StopSignals, yield_to_others

_NICENESS = 5  # whoever asks the portal something is answered before its workers go on
_LOOK_SECONDS = 0.1


def main(cluster_id: uuid.UUID) -> None:
    """Run until SIGTERM; what the workers do then is finished first."""
    from django_q.cluster import Cluster  # noqa: PLC0415 - needs loaded apps

    from conversions import supervisor  # noqa: PLC0415

    yield_to_others(_NICENESS)
    supervisor.cluster = cluster_id.hex
    cluster = Cluster()
    cluster.cluster_id = cluster_id
    signals = StopSignals()  # the cluster's own handler takes locks
    cluster.start()
    while cluster.sentinel.is_alive() and not signals.came:
        time.sleep(_LOOK_SECONDS)
    cluster.stop()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tundra_site.settings")
    django.setup()
    main(uuid.UUID(sys.argv[1]))
