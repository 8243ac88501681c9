"""gunicorn's settings: one process with many threads, because callers wait and nothing converts here."""

from conversions import logs
from tundra_site import environment as e

bind = f"{e.HOST}:{e.PORT}"
# Rate limits of the embedded portal are counted in one process's memory; with Redis, WEB_CONCURRENCY may be more.
workers = e.WEB_CONCURRENCY
worker_class = "gthread"
threads = e.WEB_THREADS
timeout = 120
graceful_timeout = max(1, int(e.DRAIN_SECONDS) - 1)  # before whoever stops this process loses patience
keepalive = 30
control_socket_disable = True
logconfig_dict = logs.configuration(e.LOG_LEVEL)
