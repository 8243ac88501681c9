"""gunicorn's settings: one process with many threads, because callers wait and nothing converts here."""

from tundra_site import environment as e

bind = f"{e.HOST}:{e.PORT}"
# Rate limits of the embedded portal are counted in one process's memory; with Redis, WEB_CONCURRENCY may be more.
workers = e.WEB_CONCURRENCY
worker_class = "gthread"
threads = e.WEB_THREADS
timeout = 120
graceful_timeout = 20
keepalive = 30
control_socket_disable = True
loglevel = "warning"
